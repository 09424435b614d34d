import { OciError } from "../../error/oci-error.ts";
import { shownJson } from "../../spec/json.ts";
import { Limits } from "../../spec/limits.ts";
import type { Signal } from "../../store/content.ts";
import { readSmallFile } from "./small-file.ts";
import type { Pkcs11Uri } from "./uri.ts";

/** Where the PIN and the library of the token are, when the URI does not say. cosign reads the same. */
export const PIN_VARIABLE = "COSIGN_PKCS11_PIN";
export const MODULE_VARIABLE = "COSIGN_PKCS11_MODULE_PATH";

export interface TokenOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds that one answer of the token may take; 60,000 when absent. */
  readonly timeout?: number;
}

const TOOL = "pkcs11-tool";
const TIMEOUT = 60_000;
/** Bytes; no PIN is longer. */
const LONGEST_PIN = 256;

/**
 * A token that keeps keys, spoken to by OpenSC's `pkcs11-tool`: nothing is compiled, and the library of the token
 * runs in a process of its own. The PIN goes there in its environment, never among its arguments. One thing is asked
 * at a time, as many a card can do no more.
 */
export class Token {
  readonly #arguments: readonly string[];
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #pin: string;
  readonly #timeout: number;
  /** One at a time in this process, whatever the token: SoftHSM, asked by two programs at once, may find no token at all. */
  static #turn: Promise<unknown> = Promise.resolve();

  private constructor(uri: Pkcs11Uri, module: string, pin: string, { env, timeout = TIMEOUT }: TokenOptions) {
    const place = uri.token === undefined ? ["--slot", String(uri.slot)] : ["--token-label", uri.token];
    this.#arguments = ["--module", module, ...place, "--login", "--pin", `env:${PIN_VARIABLE}`];
    this.#env = { ...env, [PIN_VARIABLE]: pin };
    this.#pin = pin;
    this.#timeout = timeout;
  }

  /** @throws OciError USAGE without a library or a PIN, LIMIT_EXCEEDED, and what reading the PIN's file throws */
  static async open(uri: Pkcs11Uri, options: TokenOptions): Promise<Token> {
    const module = uri.module ?? options.env[MODULE_VARIABLE];
    if (module === undefined || module === "") {
      throw new OciError("USAGE", "Expected the library of the token", {
        hint: `In ${MODULE_VARIABLE}, or in the URI as ?module-path=/usr/lib/softhsm/libsofthsm2.so`,
      });
    }
    return new Token(uri, module, await pinOf(uri, options), options);
  }

  /**
   * Asks the token for one thing.
   * @returns what the tool prints to standard output
   * @throws OciError DENIED for a wrong PIN, UNSUPPORTED without the tool, NETWORK when the token does not answer, IO
   */
  ask(args: readonly string[], { signal }: Signal, input: Uint8Array = new Uint8Array()): Promise<Buffer> {
    const answer = Token.#turn.then(() => this.#run(args, input, signal));
    Token.#turn = answer.catch(() => undefined);
    return answer;
  }

  async #run(args: readonly string[], input: Uint8Array, signal: AbortSignal | undefined): Promise<Buffer> {
    signal?.throwIfAborted();
    const { execFile } = await import("node:child_process");
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    const child = execFile(
      TOOL,
      [...this.#arguments, ...args],
      {
        env: this.#env,
        timeout: this.#timeout,
        killSignal: "SIGKILL",
        maxBuffer: Limits.tokenOutput,
        encoding: "buffer",
        shell: false,
        windowsHide: true,
        ...(signal ? { signal } : {}),
      },
      (error, stdout, stderr) => {
        if (!error) resolve(stdout);
        else if (signal?.aborted) reject(signal.reason as Error);
        else reject(this.#failure(error, stderr));
      },
    );
    // It may end before it has read; its exit tells the story.
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
    return promise;
  }

  #failure(error: Error & { code?: unknown; killed?: boolean }, stderr: Buffer): OciError {
    if (error.code === "ENOENT") {
      return new OciError("UNSUPPORTED", `Keys of tokens need ${TOOL}, which is not on PATH`, {
        hint: "Install OpenSC, for example: apt-get install opensc",
      });
    }
    if (error.code === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER") {
      return new OciError("LIMIT_EXCEEDED", `${TOOL} printed more than ${Limits.tokenOutput} bytes`);
    }
    if (error.killed === true) {
      return new OciError("IO", `The token did not answer within ${this.#timeout / 1000} s`);
    }
    const told = stderr.toString("utf8").replaceAll(this.#pin, "…");
    if (/CKR_(?:PIN|USER_PIN)_/.test(told)) {
      const reason = /CKR_\w+/.exec(told)?.[0] ?? "";
      return new OciError("DENIED", `The token refuses the PIN: ${reason}`, {
        hint: "Check it before trying again: tokens lock after a few wrong ones",
      });
    }
    const lines = told.split("\n").filter((line) => line !== "" && !/^(?:Aborting|Using )/.test(line));
    return new OciError("IO", `${TOOL} failed: ${shownJson(lines.join("; ").slice(0, 300))}`, {
      hint: "Look at the token with: pkcs11-tool --module LIBRARY --list-token-slots",
    });
  }
}

async function pinOf({ pinFile }: Pkcs11Uri, { env }: TokenOptions): Promise<string> {
  const pin = pinFile === undefined ? env[PIN_VARIABLE] : await readPin(pinFile);
  if (pin === undefined || pin === "") {
    throw new OciError("USAGE", "Expected the PIN of the token, there is none", {
      hint: `In ${PIN_VARIABLE}, or in a file that the URI names as ?pin-source=file:PATH`,
    });
  }
  if (Buffer.byteLength(pin) <= LONGEST_PIN && !pin.includes("\0")) return pin;
  throw new OciError("LIMIT_EXCEEDED", `Expected a PIN of at most ${LONGEST_PIN} bytes`);
}

async function readPin(path: string): Promise<string> {
  return (await readSmallFile(path, LONGEST_PIN, "file with the PIN")).toString("utf8").replace(/\r?\n$/, "");
}
