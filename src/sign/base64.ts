/**
 * Decodes base64 as Go's and the protobuf libraries write it; undefined for anything that is not exactly
 * that, so that one signature has one spelling.
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}

export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
