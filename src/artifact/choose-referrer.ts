import { OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Signal } from "../store/content.ts";
import type { Source } from "../store/store.ts";
import type { AnnotationMatch } from "./arrange.ts";
import { discover, type DiscoveredNode } from "./discover.ts";

export interface ChooseReferrerOptions extends Signal {
  readonly source: Pick<Source, "fetch" | "referrers">;
  readonly subject: Descriptor;
  readonly artifactType?: string;
  /** It has all of these. */
  readonly annotations?: readonly AnnotationMatch[];
  /** Of several, the one that was made last; else several are an error. */
  readonly latest?: boolean;
}

function wantedText({ artifactType, annotations = [] }: ChooseReferrerOptions): string {
  const notes = annotations.map(({ key, value }) => (value === undefined ? key : `${key}=${value}`));
  const type = artifactType === undefined ? "" : ` of the type ${artifactType}`;
  return `${type}${notes.length === 0 ? "" : ` with ${notes.join(", ")}`}`;
}

function several(found: readonly DiscoveredNode[], options: ChooseReferrerOptions): OciError {
  const { digest } = options.subject;
  const problem = options.latest === true ? ", and none says when it was made" : "";
  const shown = found.slice(0, 5).map((each) => each.descriptor.digest);
  const more = found.length > shown.length ? ", …" : "";
  return new OciError(
    "USAGE",
    `${found.length} artifacts${wantedText(options)} hang on ${digest}${problem}: ${shown.join(", ")}${more}`,
    {
      digest,
      hint:
        options.latest === true ? "Name one by its digest" : "Name one by its digest, or take the newest with --latest",
    },
  );
}

/**
 * Finds the one artifact of a kind that hangs on a manifest.
 * @throws OciError MANIFEST_UNKNOWN where there is none; USAGE where there are several, and no newest is asked for or
 *   none of them says when it was made
 */
export async function chooseReferrer(options: ChooseReferrerOptions): Promise<Descriptor> {
  const { source, subject, artifactType, annotations, latest = false, signal } = options;
  const { referrers } = await discover({
    source,
    subject,
    depth: 1,
    children: false,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
    ...(latest ? { sort: "created", descending: true } : {}),
    ...(signal ? { signal } : {}),
  });
  const [first] = referrers;
  if (!first) {
    throw new OciError("MANIFEST_UNKNOWN", `No artifact${wantedText(options)} hangs on ${subject.digest}`, {
      digest: subject.digest,
      hint: "See what does with: berth discover",
    });
  }
  const isDated = first.created !== undefined && !Number.isNaN(Date.parse(first.created));
  if (referrers.length > 1 && !(latest && isDated)) throw several(referrers, options);
  return first.descriptor;
}
