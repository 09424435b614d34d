import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Holder, pemOf } from "../sign/notation/authority.ts";

const execute = promisify(execFile);

export const NOTATION = {
  program: "notation",
  install: "go install github.com/notaryproject/notation/cmd/notation@v1.3.2",
};

/** notation in a home of its own, with keys and trust of its own and without any network but loopback. */
export class NotationPeer {
  readonly folder: string;
  /** Where notation keeps its files. */
  readonly config: string;
  readonly #keys = new Map<string, { readonly keyPath: string; readonly certPath: string }>();

  constructor(folder: string) {
    this.folder = folder;
    this.config = join(folder, "config", "notation");
  }

  /** Gives it a key with its chain, as `NAME.key` and `NAME.pem`, and has it trust the chain's root. */
  async add(name: string, holder: Holder): Promise<void> {
    const [keyPath, certPath] = [join(this.folder, `${name}.key`), join(this.folder, `${name}.pem`)];
    await writeFile(keyPath, holder.key.export({ type: "pkcs8", format: "pem" }));
    await writeFile(certPath, pemOf(holder.chain));
    await this.trust("ca", name, holder);
    this.#keys.set(name, { keyPath, certPath });
    const file = join(this.config, "signingkeys.json");
    await writeFile(file, JSON.stringify({ keys: [...this.#keys].map(([key, paths]) => ({ name: key, ...paths })) }), {
      mode: 0o600,
    });
  }

  async trust(type: "ca" | "tsa", name: string, { chain }: Holder): Promise<void> {
    const store = join(this.config, "truststore", "x509", type, name);
    await mkdir(store, { recursive: true });
    await writeFile(join(store, "root.crt"), pemOf(chain.slice(-1)));
  }

  async setPolicy(policy: unknown): Promise<void> {
    await writeFile(join(this.config, "trustpolicy.json"), JSON.stringify(policy), { mode: 0o600 });
  }

  run(...args: readonly string[]): Promise<string> {
    return this.#execute(args);
  }

  /** The same of a layout directory. */
  inLayout(command: string, ...args: readonly string[]): Promise<string> {
    return this.#execute([command, "--oci-layout", ...args]);
  }

  async #execute(args: readonly string[]): Promise<string> {
    const env = {
      PATH: process.env["PATH"],
      HOME: this.folder,
      XDG_CONFIG_HOME: join(this.folder, "config"),
      XDG_CACHE_HOME: join(this.folder, "cache"),
      DOCKER_CONFIG: this.folder,
      NOTATION_EXPERIMENTAL: "1",
      HTTPS_PROXY: "http://127.0.0.1:9",
      HTTP_PROXY: "http://127.0.0.1:9",
      NO_PROXY: "127.0.0.1",
    };
    const { stdout } = await execute(NOTATION.program, args, { env, cwd: this.folder, timeout: 60_000 });
    return stdout;
  }
}
