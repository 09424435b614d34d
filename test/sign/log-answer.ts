/** What a transparency log answers, and the forms that it is kept in. */

/** In a bundle; tests change it. */
export interface LogEntry {
  integratedTime: string;
  logIndex: string;
  canonicalizedBody: string;
  inclusionPromise?: { signedEntryTimestamp: string };
  inclusionProof?: unknown;
  [other: string]: unknown;
}

/** What the log answers to whoever has something logged, whether it is true or not. */
export interface Logged {
  readonly body: string;
  readonly integratedTime: number;
  readonly logID: string;
  readonly logIndex: number;
  readonly verification: {
    readonly signedEntryTimestamp: string;
    readonly inclusionProof: {
      readonly logIndex: number;
      readonly treeSize: number;
      readonly rootHash: string;
      readonly hashes: readonly string[];
      readonly checkpoint: string;
    };
  };
}

/** An entry as bundles have it. */
export function bundleEntry(
  { body, integratedTime, logID, logIndex, verification }: Logged,
  kind = "hashedrekord",
): LogEntry {
  const { logIndex: at, treeSize, rootHash, hashes, checkpoint } = verification.inclusionProof;
  const base64 = (hex: string): string => Buffer.from(hex, "hex").toString("base64");
  return {
    logIndex: String(logIndex),
    logId: { keyId: base64(logID) },
    kindVersion: { kind, version: "0.0.1" },
    integratedTime: String(integratedTime),
    inclusionPromise: { signedEntryTimestamp: verification.signedEntryTimestamp },
    inclusionProof: {
      logIndex: String(at),
      treeSize: String(treeSize),
      rootHash: base64(rootHash),
      hashes: hashes.map(base64),
      checkpoint: { envelope: checkpoint },
    },
    canonicalizedBody: body,
  };
}
