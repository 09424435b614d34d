import { resolve } from "node:path";
import type { CredentialSource } from "../remote/credential.ts";
import { createHosts, type Hosts } from "../remote/hosts.ts";
import { storedCredentials } from "../remote/stored-credentials.ts";

/** What the user's surroundings say about registries. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string | undefined;
  readonly cwd: string;
  /** Path of the Docker config file. */
  readonly dockerConfig?: string;
}

/**
 * What stores on one registry share: connections, tokens, limits, stored credentials. It lives as
 * long as somebody uses it and can be used again afterwards.
 */
export class Connections {
  #hosts: Hosts | undefined;
  #users = 0;
  readonly #stored = new Map<string, CredentialSource>();

  /** A pool of hosts; give it back with {@link release}. */
  acquire(env: Surroundings["env"]): Hosts {
    this.#users += 1;
    this.#hosts ??= createHosts({ env });
    return this.#hosts;
  }

  async release(): Promise<void> {
    this.#users -= 1;
    if (this.#users > 0) return;
    const hosts = this.#hosts;
    this.#hosts = undefined;
    await hosts?.[Symbol.asyncDispose]();
  }

  /** Credentials where docker login and its like put them; nothing is read before a registry asks. */
  stored({ env, home, cwd, dockerConfig }: Surroundings): CredentialSource {
    const file = dockerConfig === undefined ? undefined : resolve(cwd, dockerConfig);
    const known = this.#stored.get(file ?? "");
    if (known) return known;
    const source = storedCredentials({
      env,
      ...(home === undefined ? {} : { home }),
      ...(file === undefined ? {} : { file }),
    });
    this.#stored.set(file ?? "", source);
    return source;
  }
}
