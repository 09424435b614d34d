import { OciError } from "../error/oci-error.ts";

/** One option of a command; `read` turns what the parser collected into its typed value. */
export interface Option<Value> {
  /** As in the help: `-o, --output <file>`. */
  readonly flags: string;
  readonly about: string;
  readonly many: boolean;
  readonly choices?: readonly string[];
  /** What the option's value stands for, so that shell completion can offer it. */
  readonly completes?: "file" | "directory";
  readonly read: (raw: unknown) => Value;
}

export type Options = Readonly<Record<string, Option<unknown>>>;

/** The typed values of a record of options. */
export type OptionValues<O extends Options> = {
  readonly [Key in keyof O]: O[Key] extends Option<infer Value> ? Value : never;
};

/** One positional argument. */
export interface Argument<Value> {
  /** As in the usage line: `SOURCE`. */
  readonly placeholder: string;
  readonly about: string;
  readonly form: "required" | "optional";
  /** Takes every word that is left; only as the last argument. */
  readonly many?: boolean;
  readonly choices?: readonly string[];
  readonly read: (raw: unknown) => Value;
}

export type Arguments = Readonly<Record<string, Argument<unknown>>>;

/** The typed values of a record of arguments. */
export type ArgumentValues<A extends Arguments> = {
  readonly [Key in keyof A]: A[Key] extends Argument<infer Value> ? Value : never;
};

/** False unless given; one written as `--no-…` is true unless given. */
export function flag(flags: string, about: string): Option<boolean> {
  return { flags, about, many: false, read: (raw) => raw === true };
}

/** A text, undefined unless given: `text("-o, --output <file>", …)`. */
export function text(flags: string, about: string, completes?: "file" | "directory"): Option<string | undefined> {
  return {
    flags,
    about,
    many: false,
    ...(completes === undefined ? {} : { completes }),
    read: (raw) => (typeof raw === "string" ? raw : undefined),
  };
}

/** An option that may be given many times; in the order given. */
export function list(flags: string, about: string): Option<readonly string[]> {
  return { flags, about, many: true, read: (raw) => (Array.isArray(raw) ? raw.map(String) : []) };
}

/** One of a few words. */
export function choice<const Word extends string>(
  flags: string,
  about: string,
  choices: readonly [Word, ...Word[]],
): Option<Word | undefined> {
  return {
    flags,
    about,
    many: false,
    choices,
    read: (raw) => choices.find((word) => word === raw),
  };
}

/** One value that is more than a text once it is read; undefined unless given. */
function measure<Value = number>(
  flags: string,
  about: string,
  parse: (raw: string) => Value | undefined,
  expected: string,
): Option<Value | undefined> {
  return {
    flags,
    about,
    many: false,
    read: (raw) => {
      if (typeof raw !== "string") return undefined;
      const value = parse(raw);
      if (value !== undefined) return value;
      throw new OciError("USAGE", `Invalid value ${JSON.stringify(raw)} for ${nameOf(flags)}: expected ${expected}`);
    },
  };
}

function nameOf(flags: string): string {
  return /--[a-z-]+/.exec(flags)?.[0] ?? flags;
}

/** A whole number within bounds, undefined unless given. */
export function integer(flags: string, about: string, min: number, max: number): Option<number | undefined> {
  const parse = (raw: string): number | undefined => {
    const value = /^\d{1,15}$/.test(raw) ? Number(raw) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  };
  return measure(flags, about, parse, `a number from ${min} to ${max}`);
}

const SIZE = /^(\d{1,12})([KMGT]iB)?$/;
const UNITS = ["", "KiB", "MiB", "GiB", "TiB"];

/** A size in bytes, also as 500MiB; undefined unless given. */
export function byteSize(flags: string, about: string): Option<number | undefined> {
  const parse = (raw: string): number | undefined => {
    const [, digits, unit = ""] = SIZE.exec(raw) ?? [];
    const value = digits === undefined ? Number.NaN : Number(digits) * 1024 ** UNITS.indexOf(unit);
    return Number.isSafeInteger(value) ? value : undefined;
  };
  return measure(flags, about, parse, "a number of bytes, or one of KiB, MiB, GiB, TiB");
}

const DURATION = /^(\d{1,9})(ms|s|m|h|d)$/;
const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time such as `90s`, `1h` or `7d`, in milliseconds, or 0; undefined unless given. */
export function duration(flags: string, about: string): Option<number | undefined> {
  const parse = (raw: string): number | undefined => {
    if (raw === "0") return 0;
    const [, number, unit = ""] = DURATION.exec(raw) ?? [];
    const factor = MILLISECONDS[unit];
    return number === undefined || factor === undefined ? undefined : Number(number) * factor;
  };
  return measure(flags, about, parse, "a time such as 90s, 15m, 1h or 7d");
}

/** Where a program listens. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

const HOST_PORT = /^(?:(?:\[([\da-f:.]{2,45})\]|([\w.-]{1,253}))?:)?(\d{1,5})$/i;

/** `host:port`, `[::1]:port`, or a port of 127.0.0.1; undefined unless given. */
export function hostPort(flags: string, about: string): Option<HostPort | undefined> {
  const parse = (raw: string): HostPort | undefined => {
    const [, address, name, digits = ""] = (raw.length < 300 && HOST_PORT.exec(raw)) || [];
    const port = digits === "" ? Number.NaN : Number(digits);
    return port <= 65_535 ? { host: address ?? name ?? "127.0.0.1", port } : undefined;
  };
  return measure(flags, about, parse, "a port, or host:port, with a port from 0 to 65535");
}

/** `key=value`, many times; the last of one key wins. */
export function keyValues(flags: string, about: string): Option<Readonly<Record<string, string>>> {
  const name = nameOf(flags);
  return {
    flags,
    about,
    many: true,
    read: (raw) => {
      const pairs = (Array.isArray(raw) ? raw.map(String) : []).map((pair): [string, string] => {
        const equals = pair.indexOf("=");
        if (equals < 1) {
          throw new OciError("USAGE", `Invalid value ${JSON.stringify(pair)} for ${name}: expected key=value`);
        }
        return [pair.slice(0, equals), pair.slice(equals + 1)];
      });
      return Object.fromEntries(pairs);
    },
  };
}

/** `required("SOURCE", "what to copy")` */
export function required(placeholder: string, about: string): Argument<string> {
  return { placeholder, about, form: "required", read: String };
}

export function optional(placeholder: string, about: string): Argument<string | undefined> {
  return {
    placeholder,
    about,
    form: "optional",
    read: (raw) => (typeof raw === "string" ? raw : undefined),
  };
}

/** One of a few words. */
export function oneOf<const Word extends string>(
  placeholder: string,
  about: string,
  choices: readonly [Word, ...Word[]],
): Argument<Word> {
  return {
    placeholder,
    about,
    form: "required",
    choices,
    read: (raw) => {
      const word = choices.find((known) => known === raw);
      if (word !== undefined) return word;
      const given = typeof raw === "string" ? JSON.stringify(raw) : "nothing";
      throw new OciError("USAGE", `Invalid ${placeholder} ${given}: expected one of ${choices.join(", ")}`);
    },
  };
}

/** One or more; only as the last argument. */
export function variadic(placeholder: string, about: string): Argument<readonly string[]> {
  return { placeholder, about, form: "required", many: true, read: readMany };
}

/** Any number, also none; only as the last argument. */
export function anyNumber(placeholder: string, about: string): Argument<readonly string[]> {
  return { placeholder, about, form: "optional", many: true, read: readMany };
}

function readMany(raw: unknown): readonly string[] {
  return Array.isArray(raw) ? raw.map(String) : [];
}
