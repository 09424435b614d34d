import { shownJson } from "../spec/json.ts";
import { type Located, wrong } from "./located.ts";

/** The fields of a mapping: each is known by name, all others are errors. */
export class Fields {
  readonly node: Located;
  readonly #entries: ReadonlyMap<string, Located>;
  readonly #what: string;

  /** @throws OciError FILE_INVALID */
  constructor(node: Located, what: string, known: readonly string[]) {
    this.node = node;
    this.#what = what;
    this.#entries = entriesOf(node, what);
    for (const [key, value] of this.#entries) {
      if (known.includes(key)) continue;
      throw wrong(value, `unknown key ${shownJson(key)} in ${what}, expected one of ${known.join(", ")}`);
    }
  }

  get(key: string): Located | undefined {
    return this.#entries.get(key);
  }

  /** @throws OciError FILE_INVALID where it is absent */
  need(key: string): Located {
    const found = this.#entries.get(key);
    if (found) return found;
    throw wrong(this.node, `${this.#what} needs ${key}`);
  }

  /** Reads a field if it is there. */
  read<T>(key: string, read: (node: Located, what: string) => T): T | undefined {
    const found = this.#entries.get(key);
    return found === undefined ? undefined : read(found, key);
  }
}

/** @throws OciError FILE_INVALID */
export function entriesOf(node: Located, what: string): ReadonlyMap<string, Located> {
  if (node.value instanceof Map) return node.value as ReadonlyMap<string, Located>;
  throw wrong(node, `${what} must be a mapping`);
}

/** @throws OciError FILE_INVALID */
export function textOf(node: Located, what: string): string {
  if (typeof node.value === "string" && node.value !== "") return node.value;
  const hint = typeof node.value === "number" || typeof node.value === "boolean" ? ": write it in quotes" : "";
  throw wrong(node, `${what} must be a text${hint}`);
}

/** @throws OciError FILE_INVALID */
export function listOf(node: Located, what: string): readonly Located[] {
  if (Array.isArray(node.value)) return node.value as readonly Located[];
  throw wrong(node, `${what} must be a list`);
}

/** One text or a list of them, at least one. @throws OciError FILE_INVALID */
export function textsOf(node: Located, what: string): readonly string[] {
  if (typeof node.value === "string") return [textOf(node, what)];
  const items = listOf(node, what);
  if (items.length === 0) throw wrong(node, `${what} must not be empty`);
  return items.map((item) => textOf(item, what));
}

/** @throws OciError FILE_INVALID */
export function booleanOf(node: Located, what: string): boolean {
  if (typeof node.value === "boolean") return node.value;
  throw wrong(node, `${what} must be true or false`);
}

/** @throws OciError FILE_INVALID */
export function countOf(node: Located, what: string): number {
  const { value } = node;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 1 && value <= 1000) return value;
  throw wrong(node, `${what} must be a number from 1 to 1000`);
}

/** @throws OciError FILE_INVALID */
export function wordOf<const Word extends string>(node: Located, what: string, words: readonly Word[]): Word {
  const found = words.find((word) => word === node.value);
  if (found !== undefined) return found;
  throw wrong(node, `${what} is ${shownJson(shownValue(node))}, expected one of ${words.join(", ")}`);
}

/** One word or a list of them. @throws OciError FILE_INVALID */
export function wordsOf<const Word extends string>(
  node: Located,
  what: string,
  words: readonly Word[],
): readonly Word[] {
  if (!Array.isArray(node.value)) return [wordOf(node, what, words)];
  const items = listOf(node, what);
  if (items.length === 0) throw wrong(node, `${what} must not be empty`);
  return items.map((item) => wordOf(item, what, words));
}

function shownValue({ value }: Located): unknown {
  return value !== null && typeof value === "object" ? "something else" : value;
}

const DURATION = /^(\d{1,9})(s|m|h|d)$/;
const MILLISECONDS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time such as `36h` or `90d`, in milliseconds. @throws OciError FILE_INVALID */
export function durationOf(node: Located, what: string): number {
  const [, digits, unit = ""] = DURATION.exec(String(shownValue(node))) ?? [];
  const factor = MILLISECONDS[unit];
  if (digits !== undefined && factor !== undefined) return Number(digits) * factor;
  throw wrong(node, `${what} must be a time such as 36h or 90d`);
}

const SIZE = /^(\d{1,12})([KMGT]iB)?$/;
const UNITS = ["", "KiB", "MiB", "GiB", "TiB"];

/** A size such as `500MiB`, in bytes. @throws OciError FILE_INVALID */
export function sizeOf(node: Located, what: string): number {
  const [, digits, unit = ""] = SIZE.exec(String(shownValue(node))) ?? [];
  const size = digits === undefined ? Number.NaN : Number(digits) * 1024 ** UNITS.indexOf(unit);
  if (Number.isSafeInteger(size)) return size;
  throw wrong(node, `${what} must be a number of bytes, or one of KiB, MiB, GiB, TiB`);
}

const DAY = /^\d{4}-\d\d-\d\d$/;
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

/** A day, which ends at midnight UTC, or a moment (RFC 3339). @throws OciError FILE_INVALID */
export function endOf(node: Located, what: string): Date {
  const text = String(shownValue(node));
  const day = DAY.test(text);
  const at = new Date(day ? `${text}T00:00:00Z` : text);
  const valid = !Number.isNaN(at.getTime()) && (day ? at.toISOString().startsWith(text) : MOMENT.test(text));
  if (!valid) throw wrong(node, `${what} must be a day such as 2027-01-31, or a moment (RFC 3339)`);
  return day ? new Date(at.getTime() + 86_400_000) : at;
}
