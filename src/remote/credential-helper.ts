import { OciError } from "../error/oci-error.ts";
import { isJsonObject } from "../spec/json.ts";
import type { Credential } from "./credential.ts";

export interface HelperOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds; 30,000 by default. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
const TIMEOUT = 30_000;
const MAX_OUTPUT = 256 * 1024;
/** What helpers print on their way out when they know nothing of a server. */
const NOT_FOUND = /credentials not found/i;

/**
 * Asks `docker-credential-<name> get` (docker-credential-helpers protocol); no shell is involved.
 * @param server what the helper keeps the credentials under
 * @returns undefined where the helper has none
 * @throws OciError FILE_INVALID for a name that is none, UNAUTHORIZED when it fails, hangs or prints nonsense
 */
export async function askHelper(name: string, server: string, options: HelperOptions): Promise<Credential | undefined> {
  const program = programOf(name);
  const output = await run(program, "get", `${server}\n`, options);
  if (output === undefined) return undefined;
  let document: unknown;
  try {
    document = JSON.parse(output);
  } catch {
    // The text may hold a secret, so neither it nor the parser's words are shown.
    throw new OciError("UNAUTHORIZED", `${program} answered with something that is not JSON`);
  }
  const username = isJsonObject(document) ? document["Username"] : undefined;
  const secret = isJsonObject(document) ? document["Secret"] : undefined;
  if (typeof username !== "string" || typeof secret !== "string") {
    throw new OciError("UNAUTHORIZED", `${program} answered without a user name and a secret`);
  }
  if (secret === "") return undefined;
  return username === "<token>" ? { type: "identity", token: secret } : { type: "basic", username, password: secret };
}

/**
 * Hands a user name and password to `docker-credential-<name> store`, which replaces what it has for the server.
 * @throws OciError FILE_INVALID for a name that is none, UNAUTHORIZED when it fails or hangs
 */
export async function storeWithHelper(
  name: string,
  server: string,
  { username, password }: { readonly username: string; readonly password: string },
  options: HelperOptions,
): Promise<void> {
  const document = JSON.stringify({ ServerURL: server, Username: username, Secret: password });
  await run(programOf(name), "store", document, options);
}

/**
 * Makes `docker-credential-<name> erase` forget a server; one that it does not know is no error.
 * @throws OciError FILE_INVALID for a name that is none, UNAUTHORIZED when it fails or hangs
 */
export async function eraseFromHelper(name: string, server: string, options: HelperOptions): Promise<void> {
  await run(programOf(name), "erase", `${server}\n`, options);
}

function programOf(name: string): string {
  if (NAME.test(name)) return `docker-credential-${name}`;
  throw new OciError("FILE_INVALID", `Invalid name of a credential helper: ${JSON.stringify(name.slice(0, 80))}`);
}

/** Runs one verb of the protocol; undefined where the helper says that it knows nothing. */
async function run(
  program: string,
  verb: "get" | "store" | "erase",
  input: string,
  options: HelperOptions,
): Promise<string | undefined> {
  // Few have a helper: whoever has none does not load what starts one.
  const { execFile } = await import("node:child_process");
  const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
  const { env, signal, timeout = TIMEOUT } = options;
  const child = execFile(
    program,
    [verb],
    {
      env,
      timeout,
      killSignal: "SIGKILL",
      maxBuffer: MAX_OUTPUT,
      windowsHide: true,
      encoding: "utf8",
      ...(signal ? { signal } : {}),
    },
    (error, stdout) => {
      if (!error) resolve(stdout);
      else if (signal?.aborted) reject(signal.reason as Error);
      else if (verb !== "store" && NOT_FOUND.test(stdout)) resolve(undefined);
      else
        reject(
          new OciError("UNAUTHORIZED", `${program} ${failure(error, timeout)}`, {
            hint: hintFor(error, program, verb),
          }),
        );
    },
  );
  // A helper that ends before it has read closes the pipe; its exit tells the story.
  child.stdin?.on("error", () => {});
  child.stdin?.end(input);
  return promise;
}

function failure(error: Error & { code?: unknown; killed?: boolean }, timeout: number): string {
  if (error.code === "ENOENT") return "is not on PATH";
  if (error.code === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER") return `printed more than ${MAX_OUTPUT} bytes`;
  if (error.killed) return `did not answer within ${timeout / 1000} s`;
  return `failed with exit code ${String(error.code)}`;
}

function hintFor(error: Error & { code?: unknown }, program: string, verb: string): string {
  if (error.code === "ENOENT") return `Install ${program}, or remove it from the credentials file`;
  return verb === "store"
    ? `See whether it works at all: ${program} list`
    : `Try it by hand: echo HOST | ${program} ${verb}`;
}
