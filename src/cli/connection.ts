import { collect } from "../bytes/collect.ts";
import { OciError } from "../error/oci-error.ts";
import type { Connections } from "../open/connections.ts";
import type { Credential, OpenMode, OpenOptions } from "../open/open-options.ts";
import type { Opened } from "../open/opened.ts";
import { layoutHint, type Locator, parseLocator } from "../spec/locator.ts";
import type { Registry } from "../store/store.ts";
import type { Context } from "./context.ts";
import { flag, type Option, type OptionValues, text } from "./option.ts";

/** Options of every command that may talk to a registry: spread it into `options`. */
export const connection: {
  readonly username: Option<string | undefined>;
  readonly passwordStdin: Option<boolean>;
  readonly tokenStdin: Option<boolean>;
  readonly plainHttp: Option<boolean>;
  readonly insecure: Option<boolean>;
  readonly caFile: Option<string | undefined>;
  readonly dockerConfig: Option<string | undefined>;
} = {
  username: text("-u, --username <name>", "user name for the registry"),
  passwordStdin: flag("--password-stdin", "read the password from standard input"),
  tokenStdin: flag("--token-stdin", "read a registry token from standard input"),
  plainHttp: flag("--plain-http", "speak plain HTTP (loopback addresses always are)"),
  insecure: flag("--insecure", "accept any TLS certificate"),
  caFile: text("--ca-file <file>", "trust the certificates in this PEM file too", "file"),
  dockerConfig: text("--docker-config <file>", "credentials file (default: ~/.docker/config.json)", "file"),
};

export type ConnectionValues = OptionValues<typeof connection>;

/** Read at most; a token is a few KiB at most. */
const SECRET_LIMIT = 64 * 1024;
const secrets = new WeakMap<Context, Promise<string>>();

/** What came on standard input, read once however many registries want it. */
async function secretFrom(context: Context): Promise<string> {
  const known = secrets.get(context) ?? readSecret(context);
  secrets.set(context, known);
  return known;
}

async function readSecret(context: Context): Promise<string> {
  const bytes = await collect(context.stdin(), SECRET_LIMIT, "password on standard input");
  return Buffer.from(bytes)
    .toString("utf8")
    .replace(/\r?\n$/, "");
}

/**
 * Credentials given on the command line; undefined: those of the Docker config file.
 * @throws OciError USAGE where the options contradict each other or a part is missing
 */
export async function credentialsOf(options: ConnectionValues, context: Context): Promise<Credential | undefined> {
  const { username, passwordStdin, tokenStdin } = options;
  if (tokenStdin) {
    if (username !== undefined || passwordStdin) {
      throw new OciError("USAGE", "Expected either --token-stdin or --username with --password-stdin, got both");
    }
    return { type: "bearer", token: await secretFrom(context) };
  }
  if (username === undefined && !passwordStdin) return undefined;
  if (username === undefined || !passwordStdin) {
    const missing = username === undefined ? "--username" : "--password-stdin";
    throw new OciError("USAGE", `Credentials are incomplete: ${missing} is missing`, {
      hint: "For example: echo $PASSWORD | berth … --username me --password-stdin",
    });
  }
  return { type: "basic", username, password: await secretFrom(context) };
}

/** Parses a locator, with a look at the working directory, or a package URL. */
export async function readLocator(written: string, context: Context): Promise<Locator> {
  if (written.startsWith("pkg:")) {
    const { parsePurl } = await import("../spec/purl.ts");
    return parsePurl(written);
  }
  const { lookFrom } = await import("../open/look.ts");
  return parseLocator(written, { look: lookFrom(context.cwd) });
}

/**
 * Opens what a locator names.
 * @param mode "read"; "write": it has to exist; "create": made where it is missing; "plan": as
 *   "create" but nothing is written, for dry runs
 */
export async function openLocated(
  written: string,
  mode: OpenMode,
  options: ConnectionValues,
  context: Context,
): Promise<Opened> {
  const locator = await readLocator(written, context);
  if (locator.medium === "registry") await hintAtLayout(written, context);
  return openParsed(locator, { mode }, options, context);
}

/** Opens what a locator that was read already names, with what an archive is to be. */
export async function openParsed(
  locator: Locator,
  opening: Pick<OpenOptions, "mode" | "replace" | "loadable">,
  options: ConnectionValues,
  context: Context,
): Promise<Opened> {
  const credentials = locator.medium === "registry" ? await credentialsOf(options, context) : undefined;
  const { openLocator } = await import("../open/open-locator.ts");
  return openLocator(locator, {
    ...opening,
    ...(locator.medium === "registry" ? { connections: await connectionsOf(context) } : {}),
    ...(await archiveOptions(locator, opening.mode, options, context)),
    ...(credentials === undefined ? {} : { credentials }),
    ...surroundings(options, context),
  });
}

/** Opens a registry's host, with all of its repositories. */
export async function openHostOf(host: string, options: ConnectionValues, context: Context): Promise<Registry> {
  const credentials = await credentialsOf(options, context);
  const { openHost } = await import("../open/open-host.ts");
  return openHost(host, {
    connections: await connectionsOf(context),
    ...(credentials === undefined ? {} : { credentials }),
    ...surroundings(options, context),
  });
}

/** What opening anything asks of the command line and the world around it, but for the credentials. */
export function surroundings(options: ConnectionValues, context: Context): Omit<OpenOptions, "mode"> {
  return {
    plainHttp: options.plainHttp,
    insecure: options.insecure,
    ...(options.caFile === undefined ? {} : { caFile: options.caFile }),
    ...(options.dockerConfig === undefined ? {} : { dockerConfig: options.dockerConfig }),
    env: context.env,
    home: context.home,
    cwd: context.cwd,
    signal: context.signal,
    onNotice: (text) => context.warn(text),
    onEvent: context.onEvent,
  };
}

/** One command changes an archive in one step, at its end. */
async function archiveOptions(
  locator: Locator,
  mode: OpenMode,
  options: ConnectionValues,
  context: Context,
): Promise<Pick<OpenOptions, "archives" | "stdin" | "stdout">> {
  if (locator.medium !== "archive" && locator.medium !== "docker-archive") return {};
  if (locator.path === "-" && mode === "read" && (options.passwordStdin || options.tokenStdin)) {
    throw new OciError("USAGE", "Standard input cannot be both a password and an archive");
  }
  const { commandArchives } = await import("./archives.ts");
  return commandArchives(locator, mode, context);
}

const shared = new WeakMap<Context, Connections>();

/** One command talks to a registry over one set of connections, as source and as target. */
async function connectionsOf(context: Context): Promise<Connections> {
  const { Connections: Shared } = await import("../open/connections.ts");
  const known = shared.get(context) ?? new Shared();
  shared.set(context, known);
  return known;
}

/** Gives another context the connections of one: they talk to registries over the same ones. */
export function shareConnections(from: Context, to: Context): void {
  const known = shared.get(from);
  if (known) shared.set(to, known);
}

/** Keeps connections and tokens between jobs, also while none of them uses a registry. */
export async function holdConnections(context: Context): Promise<AsyncDisposable> {
  const connections = await connectionsOf(context);
  connections.acquire(context.env);
  return { [Symbol.asyncDispose]: () => connections.release() };
}

/** A bare word is a registry's; where a layout of that name lies at hand, that deserves a word. */
async function hintAtLayout(written: string, context: Context): Promise<void> {
  const { lookFrom } = await import("../open/look.ts");
  const hint = layoutHint(written, lookFrom(context.cwd));
  if (hint !== undefined) context.note(`${written} is a name in a registry. ${hint}`);
}

/**
 * One password must not reach two hosts, so a command between two registries takes its
 * credentials from the Docker config file.
 * @throws OciError USAGE
 */
export async function refuseSharedCredentials(
  written: readonly string[],
  options: ConnectionValues,
  context: Context,
): Promise<void> {
  if (options.username === undefined && !options.passwordStdin && !options.tokenStdin) return;
  const locators = await Promise.all(written.map((text) => readLocator(text, context)));
  const hosts = new Set(locators.flatMap((locator) => (locator.medium === "registry" ? [locator.host] : [])));
  if (hosts.size < 2) return;
  throw new OciError("USAGE", `Credentials on the command line would go to ${[...hosts].join(" and ")}`, {
    hint: "Log in to both with berth login, or point --docker-config at a file with the credentials of each",
  });
}
