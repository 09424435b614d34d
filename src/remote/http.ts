import type Http from "node:http";
import type Https from "node:https";
import { createRequire } from "node:module";
import type Tls from "node:tls";

/**
 * Node's modules, each loaded when it is needed. Not imported: an import statement asks for everything that a module exports, and
 * with `WebSocket` comes an HTTP client of its own, which takes longer to load than a small command runs.
 */
const require = createRequire(import.meta.url);

export const nodeHttp: typeof Http = require("node:http") as typeof Http;

export function nodeHttps(): typeof Https {
  return require("node:https") as typeof Https;
}

export function nodeTls(): typeof Tls {
  return require("node:tls") as typeof Tls;
}
