import { OciError } from "../error/oci-error.ts";
import { serviceUrl } from "./service-url.ts";
import { parseTrustedRoot, type TrustSource } from "./trusted-root.ts";
import { untilAborted } from "./until-aborted.ts";

export interface TufOptions {
  /** A directory of this user's own: what is verified is kept there, and only asked for when it expires. */
  readonly cache: string;
  /** Sigstore's public one when absent. */
  readonly mirror?: string;
  /** A file with the mirror's first root; needed for every mirror but Sigstore's. */
  readonly root?: string;
}

const TIMEOUT_MS = 10_000;
const TARGET = "trusted_root.json";

/**
 * The trusted root of Sigstore, or of whoever runs the like, by TUF: signed, fresh, never older than what was seen.
 * @throws OciError USAGE for addresses that are none; the source throws NETWORK, FILE_INVALID
 */
export function tufTrust({ cache, mirror, root }: TufOptions): TrustSource {
  const mirrorUrl = mirror === undefined ? undefined : serviceUrl(mirror, "TUF repository");
  return async (options) => {
    const { initTUF, DEFAULT_MIRROR_URL } = await import("@sigstore/tuf");
    const from = mirrorUrl ?? DEFAULT_MIRROR_URL;
    let document: string;
    try {
      const client = initTUF({
        cachePath: cache,
        mirrorURL: from,
        timeout: TIMEOUT_MS,
        ...(root === undefined ? {} : { rootPath: root }),
      });
      document = await untilAborted(
        client.then((tuf) => tuf.getTarget(TARGET)),
        options,
      );
    } catch (cause) {
      options.signal?.throwIfAborted();
      const why = cause instanceof Error ? `: ${cause.message}` : "";
      throw new OciError("NETWORK", `Whom to trust could not be learnt from ${from}${why}`, {
        cause,
        hint: "Without that network give the file itself: --trusted-root trusted_root.json",
      });
    }
    return parseTrustedRoot(Buffer.from(document), `trusted root of ${from}`);
  };
}
