/** The kinds of key that berth makes. */
export const KEY_KINDS = [
  "ecdsa-p256",
  "ecdsa-p384",
  "ecdsa-p521",
  "rsa-2048",
  "rsa-3072",
  "rsa-4096",
  "ed25519",
] as const;
export type KeyKind = (typeof KEY_KINDS)[number];
