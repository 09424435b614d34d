import type { Manifest } from "../spec/manifest.ts";
import { isNonDistributable } from "../spec/media-type.ts";

/** The form that the specification allows, and no other (distribution-spec, "Warnings"); at most 4,096 bytes in all. */
function warning(text: string): string {
  return `299 - "${text}"`;
}

/** What the sender of a manifest should know of it, though it is taken. */
export function warningsOf(manifest: Manifest): readonly string[] {
  const warnings: string[] = [];
  if (manifest.form === "artifact") {
    warnings.push(
      warning(
        `The type ${manifest.mediaType} is no longer specified and not every client reads it; use an image manifest with an artifactType`,
      ),
    );
  }
  if (manifest.form === "image" && manifest.layers.some(({ mediaType }) => isNonDistributable(mediaType))) {
    warnings.push(warning("Non-distributable layers are deprecated; whoever pulls this has to find them elsewhere"));
  }
  return warnings;
}
