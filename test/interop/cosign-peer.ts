import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** A version of cosign. */
export interface CosignTool {
  readonly name: string;
  readonly program: string;
  readonly major: 2 | 3;
  readonly install: string;
}

export const COSIGN_3: CosignTool = {
  name: "cosign 3",
  program: "cosign",
  major: 3,
  install: "go install github.com/sigstore/cosign/v3/cmd/cosign@v3.1.2",
};

export const COSIGN_2: CosignTool = {
  name: "cosign 2",
  program: "cosign2",
  major: 2,
  install: "go install github.com/sigstore/cosign/v2/cmd/cosign@v2.6.4, renamed to cosign2",
};

/** Nobody vouches for anything: keys alone count. */
const NO_ROOT = {
  mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
  tlogs: [],
  certificateAuthorities: [],
  ctlogs: [],
  timestampAuthorities: [],
};
/** A signing configuration without services: no log is spoken to. */
const NO_SERVICES = {
  mediaType: "application/vnd.dev.sigstore.signingconfig.v0.2+json",
  rekorTlogConfig: {},
  tsaConfig: {},
};

/** cosign in a home of its own, with keys and without any network but loopback. */
export class CosignPeer {
  readonly folder: string;
  /** What cosign 2 needs to look at bundles, and cosign 3 has no harm of. */
  readonly bundleFlags: readonly string[] = ["--trusted-root", "root.json"];
  readonly blobFlags: readonly string[] = ["--insecure-ignore-tlog", "--trusted-root", "root.json"];
  readonly #tool: CosignTool;

  constructor(tool: CosignTool, folder: string) {
    this.#tool = tool;
    this.folder = folder;
  }

  /** With a key pair `other` and a predicate at hand. */
  static async open(tool: CosignTool, folder: string): Promise<CosignPeer> {
    const peer = new CosignPeer(tool, folder);
    await writeFile(join(folder, "root.json"), JSON.stringify(NO_ROOT));
    await writeFile(join(folder, "services.json"), JSON.stringify(NO_SERVICES));
    await writeFile(join(folder, "predicate.json"), '{"tested":true}');
    await writeFile(join(folder, "config.json"), "{}");
    await peer.#execute("generate-key-pair", "--output-key-prefix", "other");
    return peer;
  }

  /** Runs a command that verifies. */
  run(command: string, ...args: readonly string[]): Promise<string> {
    const registry = command.endsWith("-blob") ? [] : ["--allow-http-registry", "--insecure-ignore-tlog"];
    return this.#execute(command, ...registry, ...args);
  }

  /** What hangs there, as it prints it. */
  download(what: "sbom", subject: string): Promise<string> {
    return this.#execute("download", what, "--allow-http-registry", subject);
  }

  /** Signs or attests, and tells no log of it. */
  sign(command: "sign" | "attest", ...args: readonly string[]): Promise<string> {
    return this.#execute(command, "--allow-http-registry", ...this.#silent(), ...args);
  }

  signFile(key: string, bundle: string, file: string): Promise<string> {
    return this.#execute("sign-blob", "--key", key, "--bundle", bundle, ...this.#silent(), file);
  }

  #silent(): readonly string[] {
    return this.#tool.major === 2 ? ["--tlog-upload=false", "-y"] : ["--signing-config", "services.json", "-y"];
  }

  async #execute(...args: readonly string[]): Promise<string> {
    const env = {
      PATH: process.env["PATH"],
      HOME: this.folder,
      DOCKER_CONFIG: this.folder,
      COSIGN_PASSWORD: "secret",
      HTTPS_PROXY: "http://127.0.0.1:9",
      HTTP_PROXY: "http://127.0.0.1:9",
      NO_PROXY: "127.0.0.1",
    };
    const { stdout } = await execute(this.#tool.program, args, { env, cwd: this.folder, timeout: 60_000 });
    return stdout;
  }
}
