"use strict";
/**
 * What the transport uses of undici: pooled connections and requests. Its index brings fetch, WebSocket, caches, mocks
 * and a hundred files as well, and loads three times as long.
 */
const Dispatcher = require("undici/lib/dispatcher/dispatcher");

Dispatcher.prototype.request = require("undici/lib/api/api-request");

module.exports = {
  Agent: require("undici/lib/dispatcher/agent"),
  EnvHttpProxyAgent: require("undici/lib/dispatcher/env-http-proxy-agent"),
};
