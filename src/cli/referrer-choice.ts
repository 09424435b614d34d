import type { Opened } from "../open/opened.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { annotationMatches, readAnnotationMatch } from "./annotation-match.ts";
import type { Context } from "./context.ts";
import { flag, type Option, type OptionValues, text } from "./option.ts";
import { resolveManifest } from "./resolve.ts";

/** Of what hangs on SOURCE, what to pull. */
export const referrerChoice: {
  readonly artifactType: Option<string | undefined>;
  readonly annotation: Option<readonly string[]>;
  readonly latest: Option<boolean>;
} = {
  artifactType: text("--artifact-type <type>", "instead of SOURCE, the artifact of this type that hangs on it"),
  annotation: annotationMatches,
  latest: flag("--latest", "of several that hang on it, the one that was made last"),
};

/** The artifact that is meant: SOURCE, or what hangs on it. */
export async function chooseArtifact(
  opened: Opened,
  options: OptionValues<typeof referrerChoice> & { readonly platform: string | undefined },
  context: Context,
): Promise<Descriptor> {
  const { artifactType, annotation, latest, platform: wanted } = options;
  const descriptor = await resolveManifest(opened, wanted, context);
  if (artifactType === undefined && annotation.length === 0 && !latest) return descriptor;
  const annotations = annotation.map(readAnnotationMatch);
  const { chooseReferrer } = await import("../artifact/choose-referrer.ts");
  return chooseReferrer({
    source: opened.store,
    subject: descriptor,
    ...(artifactType === undefined ? {} : { artifactType }),
    annotations,
    latest,
    signal: context.signal,
  });
}
