import { algorithmOf, type Digest, encodedOf } from "../spec/digest.ts";

const SHA256 = 0x40;
const SHA512 = 0x80;
/** First bytes of digests by algorithms that are only carried, by where these sort; the whole text follows. */
const BEFORE_SHA256 = 0x20;
const BETWEEN = 0x60;
const AFTER_SHA512 = 0xa0;

function carried(text: string): number {
  if (text < "sha256:") return BEFORE_SHA256;
  return text < "sha512:" ? BETWEEN : AFTER_SHA512;
}

/** A buffer of its own: a slice of a shared one would take all of it along to another thread. */
function keyOf(first: number, text: string, encoding: "hex" | "utf8"): Uint8Array {
  const length = encoding === "hex" ? text.length >> 1 : Buffer.byteLength(text);
  const key = Buffer.allocUnsafeSlow(1 + length);
  key[0] = first;
  key.write(text, 1, encoding);
  return key;
}

/** A digest as it is kept in a column: its algorithm in one byte and the raw bytes; sorts as the text does. */
export function digestKey(digest: Digest): Uint8Array {
  switch (algorithmOf(digest)) {
    case "sha256":
      return keyOf(SHA256, encodedOf(digest), "hex");
    case "sha512":
      return keyOf(SHA512, encodedOf(digest), "hex");
    default:
      return keyOf(carried(digest), digest, "utf8");
  }
}

/** The digest that a column holds. */
export function digestOfKey(key: Uint8Array): Digest {
  const bytes = Buffer.from(key.buffer, key.byteOffset + 1, key.byteLength - 1);
  switch (key[0]) {
    case SHA256:
      return `sha256:${bytes.toString("hex")}` as Digest;
    case SHA512:
      return `sha512:${bytes.toString("hex")}` as Digest;
    default:
      return bytes.toString("utf8") as Digest;
  }
}

const HEX_PAIRS = /^(?:[0-9a-f]{2})*/;

/** A key at or before those of all digests that sort after a text, which need not be a digest. */
export function keyBefore(text: string): Uint8Array {
  for (const [algorithm, first] of [
    ["sha256:", SHA256],
    ["sha512:", SHA512],
  ] as const) {
    if (!text.startsWith(algorithm)) continue;
    return keyOf(first, HEX_PAIRS.exec(text.slice(algorithm.length))?.[0] ?? "", "hex");
  }
  return new Uint8Array([carried(text)]);
}
