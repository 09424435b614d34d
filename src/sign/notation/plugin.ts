import type { ChildProcess } from "node:child_process";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { OciError } from "../../error/oci-error.ts";
import { encodeJson, isJsonObject, type JsonObject, parseJson, shownJson } from "../../spec/json.ts";
import { Limits } from "../../spec/limits.ts";
import type { Signal } from "../../store/content.ts";

export interface PluginOptions {
  /** Folders that hold plug-ins, each in a folder of its own: `NAME/notation-NAME`; the first that has it counts. */
  readonly directories: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds that one answer may take; 60,000 when absent. */
  readonly timeout?: number;
}

export type PluginCommand = "get-plugin-metadata" | "describe-key" | "generate-signature" | "generate-envelope";

const NAME = /^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}$/;
const TIMEOUT = 60_000;

/** A plug-in of notation (plugin-extensibility.md): a program that is asked one thing at a time, in JSON; no shell is involved. */
export class Plugin {
  readonly name: string;
  readonly #program: string;
  readonly #options: PluginOptions;

  private constructor(name: string, program: string, options: PluginOptions) {
    this.name = name;
    this.#program = program;
    this.#options = options;
  }

  /** @throws OciError USAGE for a name that is none, FILE_INVALID where there is no such plug-in */
  static async find(name: string, options: PluginOptions): Promise<Plugin> {
    if (!NAME.test(name) || name.includes("..")) {
      throw new OciError("USAGE", `Invalid name of a plug-in ${shownJson(name)}`, {
        hint: "For example: --plugin com.example.vault",
      });
    }
    for (const directory of options.directories) {
      const program = join(directory, name, `notation-${name}`);
      const found = await stat(program).catch(() => undefined);
      if (found?.isFile() === true) return new Plugin(name, program, options);
    }
    throw new OciError("FILE_INVALID", `There is no plug-in ${name}`, {
      hint: `Expected the program ${options.directories.map((each) => join(each, name, `notation-${name}`)).join(" or ")}`,
    });
  }

  /**
   * Asks for one thing.
   * @throws OciError DENIED where the plug-in says so, PROTOCOL when it fails, hangs or prints nonsense
   */
  async ask(command: PluginCommand, request: JsonObject, waits: Signal): Promise<JsonObject> {
    const output = await this.#run(command, encodeJson(request), waits);
    const answer = parseJson(output, `answer of the plug-in ${this.name} to ${command}`, "PROTOCOL");
    if (isJsonObject(answer)) return answer;
    throw this.failure(`answered ${command} with something that is no object`);
  }

  failure(what: string): OciError {
    return new OciError("PROTOCOL", `The plug-in ${this.name} ${what}`, {
      hint: `Try it by hand: echo '{}' | ${this.#program} get-plugin-metadata`,
    });
  }

  async #run(command: PluginCommand, input: Uint8Array, { signal }: Signal): Promise<Uint8Array> {
    // Few have a plug-in: whoever has none does not load what starts one.
    const { execFile } = await import("node:child_process");
    const { env, timeout = TIMEOUT } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const child: ChildProcess = execFile(
      this.#program,
      [command],
      {
        env,
        timeout,
        killSignal: "SIGKILL",
        maxBuffer: Limits.pluginOutput,
        windowsHide: true,
        encoding: "buffer",
        shell: false,
        ...(signal ? { signal } : {}),
      },
      (error, stdout, stderr) => {
        if (!error) resolve(stdout);
        else if (signal?.aborted) reject(signal.reason as Error);
        else reject(this.#refusal(command, error, stderr));
      },
    );
    // A plug-in that ends before it has read closes the pipe; its exit tells the story.
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
    return promise;
  }

  #refusal(command: PluginCommand, error: Error & { code?: unknown; killed?: boolean }, stderr: Uint8Array): OciError {
    if (error.code === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER") {
      return this.failure(`printed more than ${Limits.pluginOutput} bytes`);
    }
    if (error.killed === true) {
      return this.failure(`did not answer ${command} within ${(this.#options.timeout ?? TIMEOUT) / 1000} s`);
    }
    if (typeof error.code === "string") return this.failure(`cannot be started: ${error.code}`);
    const told = errorIn(stderr);
    const reason = told === undefined ? "" : `: ${told.code}, ${shownJson(told.message)}`;
    if (told?.code === "ACCESS_DENIED") {
      return new OciError("DENIED", `The plug-in ${this.name} refused ${command}${reason}`);
    }
    return this.failure(`failed at ${command} with exit code ${String(error.code)}${reason}`);
  }
}

/** What a plug-in says of its failure; undefined where it says nothing that is understood. */
function errorIn(stderr: Uint8Array): { readonly code: string; readonly message: string } | undefined {
  try {
    const document = parseJson(stderr, "error of a plug-in", "PROTOCOL");
    const { errorCode, errorMessage = "" } = isJsonObject(document) ? document : {};
    if (typeof errorCode !== "string" || typeof errorMessage !== "string") return undefined;
    return /^[A-Z_]{1,64}$/.test(errorCode) ? { code: errorCode, message: errorMessage } : undefined;
  } catch {
    return undefined;
  }
}
