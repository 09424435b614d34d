import { OciError } from "../error/oci-error.ts";
import type { JsonObject } from "../spec/json.ts";
import type { Platform } from "../spec/platform.ts";
import { arrayField, objectField, withFields, withObjectField } from "../spec/json-edit.ts";

/** Changes to an image configuration; what is absent stays as it is. A null takes an entry away. */
export interface ConfigChange {
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly env?: Readonly<Record<string, string | null>>;
  readonly user?: string;
  readonly workingDir?: string;
  readonly stopSignal?: string;
  readonly labels?: Readonly<Record<string, string | null>>;
  /** `8080`, `8080/tcp`, `53/udp`. */
  readonly exposedPorts?: Readonly<Record<string, true | null>>;
  readonly volumes?: Readonly<Record<string, true | null>>;
  readonly author?: string;
  readonly created?: string;
  readonly platform?: Platform;
}

function usage(message: string): OciError {
  return new OciError("USAGE", message);
}

/** `8080` is `8080/tcp`, as Docker has it. @throws OciError USAGE */
export function parsePort(text: string): string {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/.exec(text);
  const ports = match?.slice(1, 3).filter((port) => port !== undefined) ?? [];
  if (!match || ports.some((port) => Number(port) < 1 || Number(port) > 65_535)) {
    throw usage(`Invalid port ${JSON.stringify(text)}: expected a number from 1 to 65535, and /tcp, /udp or /sctp`);
  }
  return `${ports.join("-")}/${match[3] ?? "tcp"}`;
}

/** Replaces in place what has the same name, appends the rest: order matters where one value uses another. */
function changedEnv(env: readonly string[], changes: Readonly<Record<string, string | null>>): string[] {
  const left = new Map(Object.entries(changes));
  for (const name of left.keys()) {
    if (name === "" || /[=\0]/.test(name)) throw usage(`Invalid environment variable name ${JSON.stringify(name)}`);
  }
  const result: string[] = [];
  for (const line of env) {
    const equals = line.indexOf("=");
    const name = equals === -1 ? line : line.slice(0, equals);
    const change = Object.hasOwn(changes, name) ? changes[name] : undefined;
    if (change === undefined) result.push(line);
    else if (left.delete(name) && change !== null) result.push(`${name}=${change}`);
  }
  for (const [name, value] of left) if (value !== null) result.push(`${name}=${value}`);
  return result;
}

function entries(values: Readonly<Record<string, true | null>>, name: (key: string) => string): JsonObject {
  const pairs = Object.entries(values).map(([key, value]) => [name(key), value === null ? undefined : {}] as const);
  return Object.fromEntries(pairs);
}

function taken(values: Readonly<Record<string, string | null>>): JsonObject {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, value ?? undefined] as const));
}

/** The platform fields of a configuration or a descriptor. */
export function platformFields(platform: Platform): JsonObject {
  return {
    architecture: platform.architecture,
    os: platform.os,
    "os.version": platform["os.version"],
    "os.features": platform["os.features"],
    variant: platform.variant,
  };
}

/**
 * Applies changes to a configuration document. A new entrypoint without a new command
 * clears the command, as Docker does: it was an argument of the old one.
 * @throws OciError USAGE
 */
export function changeConfig(document: JsonObject, change: ConfigChange): JsonObject {
  let run = objectField(document, "config");
  if (change.entrypoint !== undefined) {
    run = withFields(run, { Entrypoint: change.entrypoint.length === 0 ? undefined : change.entrypoint });
    if (change.cmd === undefined) run = withFields(run, { Cmd: undefined });
  }
  if (change.cmd !== undefined) run = withFields(run, { Cmd: change.cmd.length === 0 ? undefined : change.cmd });
  if (change.env !== undefined && Object.keys(change.env).length > 0) {
    const env = changedEnv(arrayField(run, "Env") as readonly string[], change.env);
    run = withFields(run, { Env: env.length === 0 ? undefined : env });
  }
  if (change.user !== undefined) run = withFields(run, { User: change.user || undefined });
  if (change.workingDir !== undefined) {
    if (change.workingDir !== "" && !/^(?:\/|[A-Za-z]:\\)/.test(change.workingDir)) {
      throw usage(`The working directory ${JSON.stringify(change.workingDir)} must be an absolute path`);
    }
    run = withFields(run, { WorkingDir: change.workingDir || undefined });
  }
  if (change.stopSignal !== undefined) run = withFields(run, { StopSignal: change.stopSignal || undefined });
  run = withObjectField(run, "ExposedPorts", entries(change.exposedPorts ?? {}, parsePort));
  run = withObjectField(
    run,
    "Volumes",
    entries(change.volumes ?? {}, (path) => path),
  );
  run = withObjectField(run, "Labels", taken(change.labels ?? {}));
  const keep = document["config"] !== undefined || Object.keys(run).length > 0;
  return withFields(keep ? withFields(document, { config: run }) : document, {
    ...(change.platform === undefined ? {} : platformFields(change.platform)),
    ...(change.author === undefined ? {} : { author: change.author || undefined }),
    ...(change.created === undefined ? {} : { created: change.created }),
  });
}

/** The change as the lines of a Dockerfile, for the history. */
export function changeLines(change: ConfigChange): string[] {
  const lines: string[] = [];
  for (const [name, value] of Object.entries(change.env ?? {})) if (value !== null) lines.push(`ENV ${name}=${value}`);
  for (const [name, value] of Object.entries(change.labels ?? {}))
    if (value !== null) lines.push(`LABEL ${name}=${value}`);
  for (const [port, value] of Object.entries(change.exposedPorts ?? {}))
    if (value) lines.push(`EXPOSE ${parsePort(port)}`);
  for (const [path, value] of Object.entries(change.volumes ?? {})) if (value) lines.push(`VOLUME ${path}`);
  if (change.workingDir) lines.push(`WORKDIR ${change.workingDir}`);
  if (change.user) lines.push(`USER ${change.user}`);
  if (change.stopSignal) lines.push(`STOPSIGNAL ${change.stopSignal}`);
  if (change.entrypoint) lines.push(`ENTRYPOINT ${JSON.stringify(change.entrypoint)}`);
  if (change.cmd) lines.push(`CMD ${JSON.stringify(change.cmd)}`);
  return lines;
}
