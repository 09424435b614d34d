import { OciError } from "../error/oci-error.ts";
import { parseLayoutIndex } from "../spec/layout-index.ts";
import { Limits } from "../spec/limits.ts";

/**
 * What a piece of an index.json is: all before its first entry, one entry, all after its last;
 * or the whole of a document that has no list of entries.
 */
export interface IndexPiece {
  readonly kind: "head" | "entry" | "tail" | "whole";
  readonly bytes: Buffer;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d] as const;

/** Where in the document the reader is. */
type Phase = "head" | "first-entry" | "entry" | "after-entry" | "before-entry" | "tail";

/**
 * Cuts an index.json into its entries while it comes in, each with its bytes as they are, so
 * that one of any length is read and written in constant memory. The bytes between two entries
 * are white space and a comma.
 */
export class IndexSplitter {
  #phase: Phase = "head";
  /** Bytes that have come and are in no piece yet. */
  #held: Buffer = Buffer.alloc(0);
  /** How far `#held` was looked at. */
  #at = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** Where the text in hand began, at the top level of the head. */
  #textStart = -1;
  #key: string | undefined;
  #keyDone = false;
  #entries = 0;
  readonly #outside: Buffer[] = [];

  /** @throws OciError LAYOUT_INVALID */
  *push(chunk: Uint8Array): Generator<IndexPiece, void, undefined> {
    this.#held = this.#held.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#held, chunk]);
    while (this.#at < this.#held.length) {
      const piece = this.#next();
      if (piece) yield piece;
    }
    this.#requireSmall();
  }

  /** Ends the document: all that is not in an entry is checked now. @throws OciError LAYOUT_INVALID */
  end(): IndexPiece {
    if (this.#phase !== "head" && this.#phase !== "tail") throw invalid("it ends within its list of manifests");
    const kind = this.#phase === "head" ? "whole" : "tail";
    const bytes = this.#cut(this.#held.length);
    this.#outside.push(bytes);
    parseLayoutIndex(Buffer.concat(this.#outside));
    return { kind, bytes };
  }

  #next(): IndexPiece | undefined {
    if (this.#phase === "head") return this.#head();
    if (this.#phase === "entry") return this.#entry();
    if (this.#phase === "tail") {
      this.#at = this.#held.length;
      return undefined;
    }
    return this.#between();
  }

  /** Looks for the `[` of `manifests` at the top level. */
  #head(): IndexPiece | undefined {
    const byte = this.#held[this.#at++] ?? 0;
    if (this.#inString) {
      this.#string(byte);
      if (!this.#inString && this.#textStart !== -1) {
        if (!this.#keyDone) this.#key = keyOf(this.#held.subarray(this.#textStart, this.#at));
        this.#textStart = -1;
      }
      return undefined;
    }
    if (byte === QUOTE) {
      this.#inString = true;
      if (this.#depth === 1) this.#textStart = this.#at - 1;
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      if (byte === OPEN_ARRAY && this.#depth === 1 && this.#keyDone && this.#key === "manifests") {
        const bytes = this.#cut(this.#at);
        this.#outside.push(bytes);
        this.#phase = "first-entry";
        return { kind: "head", bytes };
      }
      this.#depth += 1;
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      this.#depth -= 1;
    } else if (this.#depth === 1 && byte === COLON) {
      this.#keyDone = true;
    } else if (this.#depth === 1 && byte === COMMA) {
      this.#keyDone = false;
      this.#key = undefined;
    }
    return undefined;
  }

  /** Between two entries: white space and one comma. */
  #between(): IndexPiece | undefined {
    const byte = this.#held[this.#at++] ?? 0;
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) return undefined;
    const isFirst = this.#phase === "first-entry";
    if (byte === COMMA && this.#phase === "after-entry") {
      this.#phase = "before-entry";
    } else if (byte === OPEN_OBJECT && (isFirst || this.#phase === "before-entry")) {
      this.#cut(this.#at - 1);
      this.#phase = "entry";
      this.#at = 1;
      this.#depth = 1;
    } else if (byte === CLOSE_ARRAY && (isFirst || this.#phase === "after-entry")) {
      this.#cut(this.#at - 1);
      this.#at = 1;
      this.#phase = "tail";
    } else {
      throw invalid(`expected an object at manifests[${this.#entries}]`);
    }
    return undefined;
  }

  /** Within an entry: nothing matters but where it ends. Most of the time is spent here. */
  #entry(): IndexPiece | undefined {
    const held = this.#held;
    let [at, depth, inString, escaped] = [this.#at, this.#depth, this.#inString, this.#escaped];
    while (at < held.length && depth > 0) {
      const byte = held[at++];
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) inString = false;
      } else if (byte === QUOTE) inString = true;
      else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth += 1;
      else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) depth -= 1;
    }
    [this.#at, this.#depth, this.#inString, this.#escaped] = [at, depth, inString, escaped];
    if (depth > 0) return undefined;
    this.#phase = "after-entry";
    this.#entries += 1;
    return { kind: "entry", bytes: this.#cut(at) };
  }

  #string(byte: number): void {
    if (this.#escaped) this.#escaped = false;
    else if (byte === BACKSLASH) this.#escaped = true;
    else if (byte === QUOTE) this.#inString = false;
  }

  /** Takes the first bytes out of those that are held. */
  #cut(end: number): Buffer {
    const bytes = this.#held.subarray(0, end);
    this.#held = this.#held.subarray(end);
    this.#at = 0;
    return bytes;
  }

  #requireSmall(): void {
    if (this.#phase === "after-entry" || this.#phase === "before-entry") this.#cut(this.#at);
    const size = this.#held.length + (this.#phase === "entry" ? 0 : this.#outside.reduce(add, 0));
    if (size > Limits.manifest) throw invalid(`more than ${Limits.manifest} bytes are in one piece`);
  }
}

function add(sum: number, bytes: Buffer): number {
  return sum + bytes.length;
}

function keyOf(literal: Buffer): string | undefined {
  try {
    const key: unknown = JSON.parse(literal.toString());
    return typeof key === "string" ? key : undefined;
  } catch {
    return undefined;
  }
}

function invalid(problem: string): OciError {
  return new OciError("LAYOUT_INVALID", `Invalid index.json: ${problem}`);
}
