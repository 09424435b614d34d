import { OciError } from "../error/oci-error.ts";
import { Limits } from "../spec/limits.ts";
import { BLOCK, isZero, MAX_TRAILER, padding } from "./block.ts";
import { describeEntry } from "./describe-entry.ts";
import type { TarEntry } from "./entry.ts";
import { checkNumbers, decodeHeader, numberField } from "./header.ts";
import { checkPax } from "./pax.ts";
import { isExtended, type RawHeader } from "./raw-header.ts";

/** Takes the content of one entry, chunk by chunk; a chunk is only valid during the call. */
export type ContentSink = (chunk: Uint8Array) => void;

/** Called with each entry; what it returns gets the entry's content. */
export type OnTarEntry = (entry: TarEntry, headers: readonly RawHeader[]) => ContentSink | undefined;

export interface ScanOptions {
  /** Entries accepted. {@link Limits.tarEntries} by default. */
  readonly maxEntries?: number;
}

function invalid(problem: string): OciError {
  return new OciError("ARCHIVE_INVALID", `Invalid tar: ${problem}`);
}

/** What the next bytes are. */
type Phase = "header" | "extension" | "content" | "padding" | "end";

/**
 * Reads the entries of a tar that is pushed into it, as strictly as `readTar`, without a promise for
 * each: for listings, where contents are passed over. The zero blocks at the end may be missing, since
 * whoever pushes has a digest that says whether anything is.
 * @throws OciError ARCHIVE_INVALID, LIMIT_EXCEEDED
 */
export class TarScanner {
  readonly #onEntry: OnTarEntry;
  readonly #maxEntries: number;
  #phase: Phase = "header";
  /** Bytes of the phase that are still to come. */
  #left = BLOCK;
  #gathered: Buffer = Buffer.allocUnsafeSlow(BLOCK);
  #headers: RawHeader[] = [];
  #sink: ContentSink | undefined;
  #padding = 0;
  #entries = 0;
  #trailer = 0;

  constructor(onEntry: OnTarEntry, options: ScanOptions = {}) {
    this.#onEntry = onEntry;
    this.#maxEntries = options.maxEntries ?? Limits.tarEntries;
  }

  /** Takes the next bytes. */
  write(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#phase === "end") return this.#requireZeros(chunk.subarray(at));
      const size = Math.min(this.#left, chunk.length - at);
      if (this.#phase === "content") this.#sink?.(chunk.subarray(at, at + size));
      else if (this.#phase !== "padding")
        this.#gathered.set(chunk.subarray(at, at + size), this.#gathered.length - this.#left);
      at += size;
      this.#left -= size;
      while (this.#left === 0 && !this.#ended()) this.#next();
    }
  }

  /** Bytes of a content that nobody takes, and of its padding, that need not be written: from here on they count as seen. */
  skip(): number {
    if (this.#phase !== "content" || this.#sink) return 0;
    const size = this.#left + this.#padding;
    this.#expect("header", BLOCK);
    return size;
  }

  /** Says that nothing follows. */
  end(): void {
    const between = this.#phase === "header" && this.#left === BLOCK && this.#headers.length === 0;
    if (between || this.#phase === "end" || this.#phase === "padding") return;
    throw invalid("it ends in the middle of an entry, so it is truncated");
  }

  #ended(): boolean {
    return this.#phase === "end";
  }

  #expect(phase: Phase, size: number): void {
    this.#phase = phase;
    this.#left = size;
  }

  /** A phase is complete: what follows. */
  #next(): void {
    switch (this.#phase) {
      case "header":
        return this.#header(Buffer.from(this.#gathered));
      case "extension":
        return this.#extension();
      case "content":
        this.#sink = undefined;
        return this.#expect("padding", this.#padding);
      default:
        return this.#expect("header", BLOCK);
    }
  }

  #header(block: Buffer): void {
    if (block[0] === 0 && isZero(block)) {
      if (this.#headers.length > 0) throw invalid("it ends after an extended header");
      return this.#expect("end", 0);
    }
    checkNumbers(block);
    const flag = block.toString("latin1", 156, 157);
    if (!isExtended(flag)) return this.#entry([...this.#headers, { block, flag }]);
    // Some readers would add the second one to the first, others would forget the first.
    if (flag !== "g" && this.#headers.some((before) => before.flag === flag)) {
      throw invalid(`two extended headers of the kind ${flag} before one entry`);
    }
    if (this.#headers.length >= 16) throw invalid("more than 16 extended headers before one entry");
    const size = numberField(block, "size");
    if (size < 0 || size > Limits.tarHeader) {
      throw invalid(`an extended header should have at most ${Limits.tarHeader} bytes, got ${size}`);
    }
    this.#headers.push({ block, flag, body: Buffer.alloc(0) });
    this.#gathered = Buffer.allocUnsafe(size + padding(size));
    this.#expect("extension", this.#gathered.length);
  }

  #extension(): void {
    const last = this.#headers.pop();
    if (!last) return;
    const body = this.#gathered.subarray(0, numberField(last.block, "size"));
    if (last.flag === "x" || last.flag === "g") checkPax(body, last.flag);
    this.#headers.push({ ...last, body });
    this.#gathered = Buffer.allocUnsafeSlow(BLOCK);
    this.#expect("header", BLOCK);
  }

  #entry(headers: readonly RawHeader[]): void {
    this.#entries += 1;
    if (this.#entries > this.#maxEntries) {
      throw new OciError("LIMIT_EXCEEDED", `The tar has more than ${this.#maxEntries} entries`);
    }
    const entry = describeEntry(decodeHeader(headers));
    this.#headers = [];
    this.#sink = this.#onEntry(entry, headers);
    this.#padding = padding(entry.size);
    this.#expect("content", entry.size);
  }

  #requireZeros(rest: Uint8Array): void {
    this.#trailer += rest.length;
    if (this.#trailer > MAX_TRAILER || !isZero(rest)) throw invalid("something follows its end");
  }
}
