import type { Agent, AgentOptions } from "node:http";
import type { NetConnectOpts } from "node:net";
import type { SecureContext, SecureContextOptions } from "node:tls";
import { OciError } from "../error/oci-error.ts";
import { BulkSocket } from "./bulk-socket.ts";
import { nodeHttp, nodeHttps, nodeTls } from "./http.ts";
import { isLoopback } from "./origin.ts";

/** TLS of a registry. `insecure`, `cert` and `key` are for the registry's own hostname only; `ca` is trusted beside the public ones. */
export interface TlsOptions {
  /** PEM. */
  readonly ca?: string | Buffer;
  readonly insecure?: boolean;
  /** Client certificate and its key, PEM. */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
}

export interface AgentsOptions {
  /** The registry's hostname, as in a URL. */
  readonly hostname: string;
  readonly tls?: TlsOptions;
  /** Where HTTP_PROXY, HTTPS_PROXY and NO_PROXY are read from, in either case. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Milliseconds that a connection may be idle before it is closed. */
const IDLE = 10_000;

/** The pools of connections of one transport: credentials of TLS are for one host, and loopback hosts are never behind a proxy. */
export class Agents {
  readonly #options: AgentsOptions;
  readonly #made = new Map<string, Agent>();

  constructor(options: AgentsOptions) {
    this.#options = options;
  }

  for(url: URL): Agent {
    const own = url.hostname === this.#options.hostname;
    const direct = isLoopback(url.hostname);
    const key = `${url.protocol} ${own ? "own" : "other"} ${direct ? "direct" : "proxied"}`;
    const known = this.#made.get(key);
    if (known) return known;
    const common = { keepAlive: true, timeout: IDLE, ...(direct ? {} : { proxyEnv: this.#proxies() }) };
    const created =
      url.protocol === "https:" ? new (nodeHttps().Agent)({ ...common, ...this.#tls(own) }) : this.#plain(common);
    this.#made.set(key, created);
    return created;
  }

  /** Cuts all connections, whatever they are used for. */
  close(): void {
    for (const agent of this.#made.values()) agent.destroy();
    this.#made.clear();
  }

  #plain(common: AgentOptions): Agent {
    const agent = new nodeHttp.Agent(common);
    // The way through a proxy is Node's.
    if (!common.proxyEnv?.["http_proxy"])
      agent.createConnection = (options) => new BulkSocket(options as NetConnectOpts).socket;
    return agent;
  }

  #tls(own: boolean): { readonly secureContext?: SecureContext; readonly rejectUnauthorized?: false } {
    const { tls } = this.#options;
    if (!tls) return {};
    const module = nodeTls();
    const context: SecureContextOptions = {
      // The public ones are looked at only here: they are read when they are looked at.
      ...(tls.ca === undefined ? {} : { ca: [...module.rootCertificates, tls.ca] }),
      ...(own && tls.cert !== undefined ? { cert: tls.cert } : {}),
      ...(own && tls.key !== undefined ? { key: tls.key } : {}),
    };
    return {
      // Made once: as options they would be read for each connection, and be part of the name under which one is kept.
      ...(Object.keys(context).length > 0 ? { secureContext: module.createSecureContext(context) } : {}),
      ...(own && tls.insecure === true ? { rejectUnauthorized: false } : {}),
    };
  }

  #proxies(): NodeJS.ProcessEnv {
    return {
      http_proxy: this.#proxy("http_proxy"),
      https_proxy: this.#proxy("https_proxy"),
      no_proxy: this.#variable("no_proxy"),
    };
  }

  /** May be named without its scheme, as curl takes it. */
  #proxy(name: string): string {
    const written = this.#variable(name).trim();
    if (written === "") return "";
    const url = written.includes("://") ? written : `http://${written}`;
    if (URL.canParse(url) && /^https?:/i.test(url)) return url;
    // Not shown: it may hold a password.
    throw new OciError(
      "USAGE",
      `${name.toUpperCase()} is not the URL of a proxy: http:// or https:// and a host are expected`,
    );
  }

  #variable(name: string): string {
    const { env } = this.#options;
    return env?.[name] ?? env?.[name.toUpperCase()] ?? "";
  }
}
