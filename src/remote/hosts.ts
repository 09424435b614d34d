import type { CredentialSource } from "./credential.ts";
import type { OnRemoteEvent } from "./event.ts";
import { Host } from "./host.ts";
import { parseEndpoint } from "./origin.ts";
import { defaultRetry } from "./retry.ts";
import type { TlsOptions } from "./agents.ts";

/** How a registry host is reached. */
export interface HostSettings {
  /** As typed: `127.0.0.1:5000`, `docker.io`, `ghcr.io`. */
  readonly host: string;
  readonly credentials?: CredentialSource;
  /** Speak plain HTTP; loopback hosts do by default. */
  readonly plainHttp?: boolean;
  readonly tls?: TlsOptions;
  /** Further headers, sent to the registry's own origin only. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly userAgent?: string;
  /** Requests at once, 6 by default, for reads and for writes each. */
  readonly concurrency?: number;
  /** Further tries after a failed one, 4 by default. */
  readonly retries?: number;
  /** Milliseconds before the second try, 250 by default; doubled for each further one. */
  readonly retryPause?: number;
  /** Milliseconds without a byte after which a transfer counts as dead; 60,000 by default. */
  readonly stall?: number;
  readonly onEvent?: OnRemoteEvent;
}

/** Hosts by address and credentials; two stores on one host share connections, tokens and limits. */
export interface Hosts extends AsyncDisposable {
  /** @throws OciError LOCATOR_INVALID */
  host(settings: HostSettings): Host;
}

export interface HostsOptions {
  /** Where proxy settings are read from. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Creates an empty pool of hosts. Disposing it closes every connection. */
export function createHosts(options: HostsOptions = {}): Hosts {
  const hosts = new Map<string, Host>();
  const identities = new Map<unknown, number>();
  const identity = (value: unknown): number => {
    const known = identities.get(value) ?? identities.size;
    identities.set(value, known);
    return known;
  };
  return {
    host(settings) {
      const { tls } = settings;
      const secured = tls !== undefined && Object.values(tls).some((value) => value !== undefined && value !== false);
      const endpoint = parseEndpoint(settings.host, {
        tls: secured,
        ...(settings.plainHttp === undefined ? {} : { plainHttp: settings.plainHttp }),
      });
      const key = JSON.stringify([
        endpoint.origin,
        identity(settings.credentials),
        secured ? [tls.insecure ?? false, identity(tls.ca), identity(tls.cert), identity(tls.key)] : null,
        settings.headers ?? null,
        settings.userAgent ?? null,
        settings.concurrency ?? null,
        settings.retries ?? null,
        settings.retryPause ?? null,
        settings.stall ?? null,
        identity(settings.onEvent),
      ]);
      let host = hosts.get(key);
      if (!host) {
        host = new Host({
          endpoint,
          userAgent: settings.userAgent ?? "berth",
          concurrency: settings.concurrency ?? 6,
          retry: {
            ...defaultRetry,
            retries: settings.retries ?? defaultRetry.retries,
            pause: settings.retryPause ?? defaultRetry.pause,
          },
          stall: settings.stall ?? 60_000,
          ...(settings.credentials ? { credentials: settings.credentials } : {}),
          ...(settings.headers ? { headers: settings.headers } : {}),
          ...(settings.onEvent ? { onEvent: settings.onEvent } : {}),
          ...(tls ? { tls } : {}),
          ...(options.env ? { env: options.env } : {}),
        });
        hosts.set(key, host);
      }
      return host;
    },
    async [Symbol.asyncDispose]() {
      for (const host of hosts.values()) host.close();
      hosts.clear();
    },
  };
}
