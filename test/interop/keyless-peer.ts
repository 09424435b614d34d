import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { encodePem } from "../../src/sign/pem.ts";
import { ISSUER, type SigstoreServices, tokenOf } from "../sign/sigstore-services.ts";
import type { CosignTool } from "./cosign-peer.ts";

const execute = promisify(execFile);

export const ANN = "ann@example.com";
export const WHO: readonly string[] = [
  "--certificate-identity",
  ANN,
  "--certificate-oidc-issuer",
  ISSUER,
  "--trusted-root",
  "root.json",
];

/** cosign without a key: with services and a trusted root on this machine, and no network beyond it. */
export class KeylessPeer {
  readonly #tool: CosignTool;
  readonly #folder: string;
  readonly #services: SigstoreServices;

  constructor(tool: CosignTool, folder: string, services: SigstoreServices) {
    this.#tool = tool;
    this.#folder = folder;
    this.#services = services;
  }

  /** Writes what both versions want to know of the services. */
  static async open(tool: CosignTool, folder: string, services: SigstoreServices): Promise<KeylessPeer> {
    const { url, root } = services;
    const pem = (label: string, rawBytes = ""): string => encodePem({ label, bytes: Buffer.from(rawBytes, "base64") });
    const [log, certificateLog, authority] = [root.tlogs[0], root.ctlogs[0], root.certificateAuthorities[0]];
    const service = { url, majorApiVersion: 1, validFor: { start: "2020-01-01T00:00:00Z" }, operator: "test" };
    const config = {
      mediaType: "application/vnd.dev.sigstore.signingconfig.v0.2+json",
      caUrls: [service],
      rekorTlogUrls: [service],
      rekorTlogConfig: { selector: "ANY" },
      tsaConfig: {},
    };
    const files = {
      token: tokenOf(ANN),
      "root.json": JSON.stringify(root),
      "services.json": JSON.stringify(config),
      "predicate.json": '{"tested":true}',
      "log.pub": pem("PUBLIC KEY", log?.publicKey.rawBytes),
      "certificate-log.pub": pem("PUBLIC KEY", certificateLog?.publicKey.rawBytes),
      "authority.pem": pem("CERTIFICATE", authority?.certChain.certificates[0]?.rawBytes),
    };
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
    return new KeylessPeer(tool, folder, services);
  }

  verify(command: "verify" | "verify-attestation", ...args: readonly string[]): Promise<string> {
    const bundles = this.#tool.major === 2 ? ["--new-bundle-format"] : [];
    return this.#execute(command, "--allow-http-registry", ...bundles, ...WHO, ...args);
  }

  sign(command: "sign" | "attest", ...args: readonly string[]): Promise<string> {
    const { url } = this.#services;
    const services =
      this.#tool.major === 2
        ? ["--fulcio-url", url, "--rekor-url", url]
        : ["--signing-config", "services.json", "--trusted-root", "root.json"];
    return this.#execute(command, "--allow-http-registry", "-y", "--identity-token", "token", ...services, ...args);
  }

  async #execute(...args: readonly string[]): Promise<string> {
    const env = {
      PATH: process.env["PATH"],
      HOME: this.#folder,
      DOCKER_CONFIG: this.#folder,
      HTTPS_PROXY: "http://127.0.0.1:9",
      HTTP_PROXY: "http://127.0.0.1:9",
      NO_PROXY: "127.0.0.1",
      SIGSTORE_ROOT_FILE: join(this.#folder, "authority.pem"),
      SIGSTORE_CT_LOG_PUBLIC_KEY_FILE: join(this.#folder, "certificate-log.pub"),
      SIGSTORE_REKOR_PUBLIC_KEY: join(this.#folder, "log.pub"),
    };
    const { stdout } = await execute(this.#tool.program, args, { env, cwd: this.#folder, timeout: 60_000 });
    return stdout;
  }
}
