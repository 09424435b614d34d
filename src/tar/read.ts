import type { Bytes } from "../bytes/bytes.ts";
import { OciError } from "../error/oci-error.ts";
import { Limits } from "../spec/limits.ts";
import { BLOCK, padding } from "./block.ts";
import { BlockReader } from "./block-reader.ts";
import { describeEntry } from "./describe-entry.ts";
import type { TarEntry } from "./entry.ts";
import { checkNumbers, decodeHeader, numberField } from "./header.ts";
import { checkPax } from "./pax.ts";
import { isExtended, type RawHeader } from "./raw-header.ts";

/** One entry as it is read; its content must be taken, if at all, before the next one. */
export interface TarReading {
  readonly entry: TarEntry;
  /** The extended headers and the header of this entry, in order. */
  readonly headers: readonly RawHeader[];
  /** Bytes from the start of the archive to the content. */
  readonly offset: number;
  /** The content, once. */
  content(): Bytes;
}

export interface ReadTarOptions {
  readonly signal?: AbortSignal;
  /** Entries accepted. {@link Limits.tarEntries} by default. */
  readonly maxEntries?: number;
  /**
   * Whether the zero blocks at the end have to be there; true by default. False where a
   * digest says already that nothing is missing: umoci's layers come without them.
   */
  readonly endRequired?: boolean;
}

function invalid(problem: string): OciError {
  return new OciError("ARCHIVE_INVALID", `Invalid tar: ${problem}`);
}

/** Reads the body of an extended header, bounded and checked. */
async function extended(reader: BlockReader, block: Buffer, flag: string): Promise<Buffer> {
  const size = numberField(block, "size");
  if (size < 0 || size > Limits.tarHeader) {
    throw invalid(`an extended header should have at most ${Limits.tarHeader} bytes, got ${size}`);
  }
  const body = (await reader.take(size + padding(size))).subarray(0, size);
  if (flag === "x" || flag === "g") checkPax(body, flag);
  return body;
}

/** The headers of the next entry as they stand; undefined at the end. */
async function takeHeaders(reader: BlockReader, options: ReadTarOptions): Promise<RawHeader[] | undefined> {
  const headers: RawHeader[] = [];
  for (;;) {
    options.signal?.throwIfAborted();
    const endAllowed = options.endRequired === false && headers.length === 0;
    const block = endAllowed ? await reader.takeOrEnd(BLOCK) : await reader.take(BLOCK);
    if (!block) return undefined;
    if (block.every((byte) => byte === 0)) {
      if (headers.length > 0) throw invalid("it ends after an extended header");
      await reader.restIsZero();
      return undefined;
    }
    checkNumbers(block);
    const flag = block.toString("latin1", 156, 157);
    if (!isExtended(flag)) return [...headers, { block, flag }];
    // Some readers would add the second one to the first, others would forget the first.
    if (flag !== "g" && headers.some((before) => before.flag === flag)) {
      throw invalid(`two extended headers of the kind ${flag} before one entry`);
    }
    headers.push({ block, flag, body: await extended(reader, block, flag) });
    if (headers.length > 16) throw invalid("more than 16 extended headers before one entry");
  }
}

/**
 * Reads a tar entry by entry: ustar, PAX, GNU long names and old formats. Paths and
 * links come as they stand: check them before they touch a disk. Only zeros may follow
 * the zero block at the end.
 * @throws OciError ARCHIVE_INVALID (no tar, truncated, damaged, read differently by other tools), LIMIT_EXCEEDED
 */
export async function* readTar(
  bytes: Bytes,
  options: ReadTarOptions = {},
): AsyncGenerator<TarReading, void, undefined> {
  await using reader = new BlockReader(bytes);
  const maxEntries = options.maxEntries ?? Limits.tarEntries;
  let entries = 0;
  for (;;) {
    const headers = await takeHeaders(reader, options);
    if (!headers) return;
    entries += 1;
    if (entries > maxEntries) throw new OciError("LIMIT_EXCEEDED", `The tar has more than ${maxEntries} entries`);
    const entry = describeEntry(decodeHeader(headers));
    const content = reader.content(entry.size);
    yield { entry, headers, offset: reader.offset, content: () => content };
    await reader.skip(content, padding(entry.size), options.endRequired === false);
  }
}
