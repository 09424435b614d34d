import { execFile, spawnSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { KeyObject } from "node:crypto";
import { pemOf } from "./notation/authority.ts";

const execute = promisify(execFile);

/** Where distributions put it. */
const LIBRARIES = [
  "/usr/lib/softhsm/libsofthsm2.so",
  "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
  "/usr/lib64/pkcs11/libsofthsm2.so",
  "/usr/local/lib/softhsm/libsofthsm2.so",
];

const library = LIBRARIES.find((path) => existsSync(path));

/** Why there is no token to test with; false: there is. */
export const noToken: string | false =
  library !== undefined && ["softhsm2-util", "pkcs11-tool"].every((each) => !spawnSync(each, ["--help"]).error)
    ? false
    : "softhsm2-util, pkcs11-tool or libsofthsm2.so not found: apt-get install softhsm2 opensc";

export const PIN = "7305-pin";

/** A token of SoftHSM in a folder of its own. */
export class SoftToken {
  readonly module: string = library ?? "";
  /** What whoever uses the token needs, but the PIN. */
  readonly env: Readonly<Record<string, string>>;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.env = {
      // The plug-in is started by whatever node is first there.
      PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`,
      SOFTHSM2_CONF: join(folder, "softhsm2.conf"),
      COSIGN_PKCS11_MODULE_PATH: this.module,
    };
  }

  static async create(parent: string): Promise<SoftToken> {
    const token = new SoftToken(join(parent, "softhsm"));
    const tokens = join(token.#folder, "tokens");
    await mkdir(tokens, { recursive: true });
    await writeFile(join(token.#folder, "softhsm2.conf"), `directories.tokendir = ${tokens}\nlog.level = ERROR\n`);
    await token.#util("--init-token", "--free", "--label", "berth test", "--so-pin", "so-pin", "--pin", PIN);
    return token;
  }

  /** Makes a key on the token, as it is meant to be. */
  async generate(type: string, label: string, id: string): Promise<void> {
    await this.tool("--keypairgen", "--key-type", type, "--label", label, "--id", id);
  }

  /** Puts a key there that was made elsewhere, and its certificate. */
  async put(key: KeyObject, label: string, id: string, certificate?: Uint8Array): Promise<void> {
    const file = join(this.#folder, "object.pem");
    await writeFile(file, key.export({ type: "pkcs8", format: "pem" }));
    await this.#util("--import", file, "--token", "berth test", "--label", label, "--id", id, "--pin", PIN);
    if (certificate === undefined) return;
    const der = join(this.#folder, "object.der");
    await writeFile(der, certificate);
    await this.tool("--write-object", der, "--type", "cert", "--label", label, "--id", id);
  }

  /** A file with certificates. */
  async chain(name: string, certificates: readonly Uint8Array[]): Promise<string> {
    const file = join(this.#folder, name);
    await writeFile(file, pemOf(certificates));
    return file;
  }

  async tool(...args: readonly string[]): Promise<string> {
    const login = ["--module", this.module, "--token-label", "berth test", "--login", "--pin", PIN];
    const { stdout } = await execute("pkcs11-tool", [...login, ...args], { env: this.env, timeout: 60_000 });
    return stdout;
  }

  async #util(...args: readonly string[]): Promise<void> {
    await execute("softhsm2-util", [...args], { env: this.env, timeout: 60_000 });
  }
}
