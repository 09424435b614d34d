import { join } from "node:path";
import { checkFile } from "../blobs/directory-check.ts";
import type { DirectoryBlobs } from "../blobs/directory.ts";
import type { EntryType } from "../disk/disk.ts";
import { algorithmOf, type Digest, isDigest } from "../spec/digest.ts";
import type { Findings } from "./fsck-report.ts";

/** A blob that lies in the layout. */
export interface CheckedBlob {
  readonly size: number;
  /** Its content is what its name says, or nobody can tell. */
  readonly whole: boolean;
}

const NAMES: Readonly<Record<EntryType, string>> = {
  file: "a file",
  directory: "a directory",
  symlink: "a symbolic link",
  other: "a special file",
};

/** Reads and hashes every blob, referenced or not. */
export async function checkBlobs(
  root: string,
  blobs: DirectoryBlobs,
  findings: Findings,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<Digest, CheckedBlob>> {
  const checked = new Map<Digest, CheckedBlob>();
  for await (const algorithm of blobs.disk.readdir(join(root, "blobs"))) {
    if (algorithm.type !== "directory") {
      findings.add("not-a-file", `blobs/${algorithm.name} is ${NAMES[algorithm.type]}, expected a directory`);
      continue;
    }
    for await (const entry of blobs.disk.readdir(join(root, "blobs", algorithm.name))) {
      signal?.throwIfAborted();
      const digest = `${algorithm.name}:${entry.name}`;
      if (!isDigest(digest)) {
        findings.add("foreign-file", `blobs/${algorithm.name}/${entry.name} is no blob's name`);
      } else if (entry.type === "file") {
        checked.set(digest, await checkBlob(digest, blobs, findings, signal));
      } else {
        findings.add("not-a-file", `The blob ${digest} is ${NAMES[entry.type]}, expected a regular file`, { digest });
        checked.set(digest, { size: -1, whole: false });
      }
    }
  }
  return checked;
}

async function checkBlob(
  digest: Digest,
  blobs: DirectoryBlobs,
  findings: Findings,
  signal: AbortSignal | undefined,
): Promise<CheckedBlob> {
  const { stat, actual } = await checkFile(blobs, digest, signal);
  const { size } = stat;
  if (actual === undefined) {
    const algorithm = algorithmOf(digest);
    findings.add("not-checked", `The blob ${digest} cannot be checked: ${algorithm} is not computed here`, { digest });
    return { size, whole: true };
  }
  findings.checked(digest, size);
  if (actual !== digest) {
    findings.add("digest-mismatch", `The blob ${digest} holds ${size} bytes with the digest ${actual}`, { digest });
  }
  return { size, whole: actual === digest };
}
