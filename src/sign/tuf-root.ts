import { hash } from "node:crypto";
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { OciError } from "../error/oci-error.ts";
import { Limits } from "../spec/limits.ts";
import type { Signal } from "../store/content.ts";
import { serviceUrl } from "./service-url.ts";
import { parseTrustedRoot, type TrustSource } from "./trusted-root.ts";
import { untilAborted } from "./until-aborted.ts";

export interface TufOptions {
  /** A directory of this user's own, for what was verified: nothing older is taken afterwards. */
  readonly cache: string;
  /** Sigstore's public one when absent. */
  readonly mirror?: string;
  /** A file with the mirror's first root; needed for every mirror but Sigstore's. */
  readonly root?: string;
}

const TIMEOUT_MS = 10_000;
const TARGET = "trusted_root.json";
/** What the TUF client throws where the repository is not as its keys say; everything else failed on the way. */
const REFUSALS: ReadonlySet<string> = new Set([
  "RepositoryError",
  "BadVersionError",
  "EqualVersionError",
  "ExpiredMetadataError",
  "UnsignedMetadataError",
  "LengthOrHashMismatchError",
]);

/**
 * The trusted root of Sigstore, or of whoever runs the like, by TUF: signed, fresh, never older than what was seen.
 * @throws OciError USAGE for addresses that are none; the source throws NETWORK, UNVERIFIED for what is not signed as
 *   it has to be, FILE_INVALID, and what the file system throws
 */
export function tufTrust({ cache, mirror, root }: TufOptions): TrustSource {
  const mirrorUrl = mirror === undefined ? undefined : serviceUrl(mirror, "TUF repository");
  return async (options) => {
    const { initTUF, DEFAULT_MIRROR_URL } = await import("@sigstore/tuf");
    const from = mirrorUrl ?? DEFAULT_MIRROR_URL;
    // Each first root has a cache of its own: what one of them led to is nothing that another one trusts.
    const folder = root === undefined ? cache : join(cache, await hashOf(root));
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const start = { cachePath: folder, mirrorURL: from, timeout: TIMEOUT_MS };
    const document = await ask(from, options, async () => {
      const client = await initTUF({ ...start, ...(root === undefined ? {} : { rootPath: root }) });
      return client.getTarget(TARGET);
    });
    return parseTrustedRoot(Buffer.from(document), `trusted root of ${from}`);
  };
}

async function hashOf(file: string): Promise<string> {
  await using handle = await open(file);
  const { size } = await handle.stat();
  if (size <= Limits.trustedRoot) return hash("sha256", await handle.readFile());
  throw new OciError("LIMIT_EXCEEDED", `The first root has ${size} bytes, the limit is ${Limits.trustedRoot}`);
}

async function ask(from: string, options: Signal, work: () => Promise<string>): Promise<string> {
  try {
    return await untilAborted(work(), options);
  } catch (cause) {
    options.signal?.throwIfAborted();
    const errors = causesOf(cause);
    const why = errors.map(({ message }) => message).join(": ");
    if (errors.some((error) => REFUSALS.has(error.constructor.name))) {
      throw new OciError("UNVERIFIED", `What ${from} says about whom to trust is not to be trusted: ${why}`, {
        cause,
        hint: "It is not signed as it has to be, has expired, or is older than what was seen before",
      });
    }
    throw new OciError("NETWORK", `Whom to trust could not be learnt from ${from}: ${why}`, {
      cause,
      hint: "Without that network give the file itself: --trusted-root trusted_root.json",
    });
  }
}

function causesOf(error: unknown): readonly Error[] {
  const causes: Error[] = [];
  for (let each = error; each instanceof Error && causes.length < 10; each = each.cause) causes.push(each);
  return causes;
}
