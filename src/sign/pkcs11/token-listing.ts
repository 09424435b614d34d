import { createPublicKey, type KeyObject } from "node:crypto";

/** What lies on a token, as far as it matters here. */
export interface TokenObject {
  readonly kind: "private" | "public" | "certificate" | undefined;
  readonly label: string | undefined;
  /** Lower-case hex. */
  readonly id: string | undefined;
  /** Of a public key on a curve. */
  readonly publicKey: KeyObject | undefined;
}

const HEADS: readonly (readonly [RegExp, TokenObject["kind"]])[] = [
  [/^Private Key Object/, "private"],
  [/^Public Key Object/, "public"],
  [/^Certificate Object/, "certificate"],
];

/** CKA_EC_PARAMS (an object identifier in DER), the curve's name in a JWK, and the bytes of a coordinate. */
const CURVES: readonly (readonly [parameters: string, name: string, size: number])[] = [
  ["06082a8648ce3d030107", "P-256", 32],
  ["06052b81040022", "P-384", 48],
  ["06052b81040023", "P-521", 66],
];

/** Reads what `pkcs11-tool --list-objects` prints: each object is a line at the margin with its facts below. */
export function parseListing(listing: string): readonly TokenObject[] {
  return listing.split(/^(?=\S)/m).map((text) => {
    const kind = HEADS.find(([head]) => head.test(text))?.[1];
    const id = fieldOf(text, "ID")?.toLowerCase();
    return {
      kind,
      label: fieldOf(text, "label"),
      id: id !== undefined && /^(?:[0-9a-f]{2})+$/.test(id) ? id : undefined,
      publicKey: kind === "public" ? curveKeyOf(text) : undefined,
    };
  });
}

/** Undefined where there is none, or several: a label with a line break in it made one up. */
function fieldOf(object: string, name: string): string | undefined {
  const [match, ...more] = [...object.matchAll(new RegExp(`^  ${name}: +(.*)$`, "gm"))];
  return more.length > 0 ? undefined : match?.[1];
}

/** Taken from the listing, since OpenSC 0.23 cannot read keys on P-384 in any other way. */
function curveKeyOf(object: string): KeyObject | undefined {
  const parameters = /^[0-9a-f]+/i.exec(fieldOf(object, "EC_PARAMS") ?? "")?.[0].toLowerCase();
  const curve = CURVES.find(([each]) => each === parameters);
  const written = Buffer.from(fieldOf(object, "EC_POINT") ?? "", "hex");
  if (!curve) return undefined;
  const [, crv, size] = curve;
  // The point is wrapped in an octet string; uncompressed, it is 4 and both coordinates.
  const point = written.subarray(-2 * size - 1);
  if (point.length !== 2 * size + 1 || point[0] !== 4) return undefined;
  const x = point.subarray(1, 1 + size).toString("base64url");
  const y = point.subarray(1 + size).toString("base64url");
  try {
    return createPublicKey({ key: { kty: "EC", crv, x, y }, format: "jwk" });
  } catch {
    return undefined;
  }
}
