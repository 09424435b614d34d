import { OciError } from "../error/oci-error.ts";
import type { ConfigChange } from "../image/config-change.ts";
import { keyValues, list, type Option, type OptionValues, text } from "./option.ts";

/** Options that set what an image's configuration says: the same on create and mod. */
export const runOptions: {
  readonly entrypoint: Option<string | undefined>;
  readonly cmd: Option<string | undefined>;
  readonly env: Option<Readonly<Record<string, string>>>;
  readonly user: Option<string | undefined>;
  readonly workdir: Option<string | undefined>;
  readonly stopSignal: Option<string | undefined>;
  readonly labels: Option<Readonly<Record<string, string>>>;
  readonly expose: Option<readonly string[]>;
  readonly volumes: Option<readonly string[]>;
  readonly author: Option<string | undefined>;
} = {
  entrypoint: text(
    "--entrypoint <command>",
    'the program: words, or a JSON array as in ["/app/run","-v"]; "" clears it',
  ),
  cmd: text("--cmd <arguments>", "its arguments, written in the same way"),
  env: keyValues("-e, --env <name=value>", "set an environment variable (may be repeated)"),
  user: text("--user <user[:group]>", "who the program runs as"),
  workdir: text("--workdir <path>", "where it starts"),
  stopSignal: text("--stop-signal <signal>", "what stops it"),
  labels: keyValues("-l, --label <key=value>", "set a label in the configuration (may be repeated)"),
  expose: list("--expose <port[/tcp]>", "a port that it listens on (may be repeated)"),
  volumes: list("--volume <path>", "a path whose data outlives it (may be repeated)"),
  author: text("--author <text>", "who made the image"),
};

export type RunValues = OptionValues<typeof runOptions>;

/**
 * A command line as Docker writes it in an image: a JSON array as it is, anything else cut
 * into words at its blanks.
 * @throws OciError USAGE
 */
export function readWords(written: string, name: string): readonly string[] {
  const trimmed = written.trim();
  if (!trimmed.startsWith("[")) return trimmed === "" ? [] : trimmed.split(/\s+/);
  try {
    const parsed: unknown = JSON.parse(trimmed);
    if (Array.isArray(parsed) && parsed.every((word) => typeof word === "string")) return parsed;
  } catch {
    // Said below, with what was expected.
  }
  throw new OciError("USAGE", `Invalid value ${JSON.stringify(written)} for ${name}: expected a JSON array of strings`);
}

function all(keys: readonly string[], value: true | null): Record<string, true | null> {
  return Object.fromEntries(keys.map((key) => [key, value]));
}

/** What the options ask for. */
export function readRunOptions(values: RunValues): ConfigChange {
  return {
    ...(values.entrypoint === undefined ? {} : { entrypoint: readWords(values.entrypoint, "--entrypoint") }),
    ...(values.cmd === undefined ? {} : { cmd: readWords(values.cmd, "--cmd") }),
    ...(values.user === undefined ? {} : { user: values.user }),
    ...(values.workdir === undefined ? {} : { workingDir: values.workdir }),
    ...(values.stopSignal === undefined ? {} : { stopSignal: values.stopSignal }),
    ...(values.author === undefined ? {} : { author: values.author }),
    env: values.env,
    labels: values.labels,
    exposedPorts: all(values.expose, true),
    volumes: all(values.volumes, true),
  };
}

/** Options of mod alone: what goes away. */
export const removeOptions: {
  readonly envRemove: Option<readonly string[]>;
  readonly labelRemove: Option<readonly string[]>;
  readonly exposeRemove: Option<readonly string[]>;
  readonly volumeRemove: Option<readonly string[]>;
  readonly annotationRemove: Option<readonly string[]>;
} = {
  envRemove: list("--env-rm <name>", "take an environment variable away (may be repeated)"),
  labelRemove: list("--label-rm <key>", "take a label away (may be repeated)"),
  exposeRemove: list("--expose-rm <port[/tcp]>", "take a port away (may be repeated)"),
  volumeRemove: list("--volume-rm <path>", "take a volume away (may be repeated)"),
  annotationRemove: list("--annotation-rm <key>", "take an annotation away (may be repeated)"),
};

export type RemoveValues = OptionValues<typeof removeOptions>;

/** Removals come first, so that a key given both ways is set. */
export function withRemovals(change: ConfigChange, values: RemoveValues): ConfigChange {
  const nulls = (keys: readonly string[]): Record<string, null> => Object.fromEntries(keys.map((key) => [key, null]));
  return {
    ...change,
    env: { ...nulls(values.envRemove), ...change.env },
    labels: { ...nulls(values.labelRemove), ...change.labels },
    exposedPorts: { ...all(values.exposeRemove, null), ...change.exposedPorts },
    volumes: { ...all(values.volumeRemove, null), ...change.volumes },
  };
}
