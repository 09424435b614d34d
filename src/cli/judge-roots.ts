import type { Descriptor } from "../spec/descriptor.ts";
import { formatLocator, type Locator } from "../spec/locator.ts";
import type { Source } from "../store/store.ts";
import type { Context } from "./context.ts";
import { openPolicyFile, placeFor } from "./policy-file.ts";
import { decisionLines, type NamedDecision, requireAllowed } from "./policy-report.ts";

/** What is to be judged, as what it would be at each of several places. */
export interface JudgeRequest {
  readonly source: Source;
  readonly places: readonly JudgedPlace[];
  /** A file. */
  readonly policy: string;
  /** The repository that the rules see, where it is not the place's. */
  readonly as: string | undefined;
}

interface JudgedPlace {
  readonly locator: Locator;
  readonly roots: readonly { readonly descriptor: Descriptor; readonly tags: readonly string[] }[];
}

export interface Judged {
  /** The source, with the referrers that were judged. */
  readonly source: Source;
  readonly decisions: readonly NamedDecision[];
}

/** Manifests judged at a time. */
const AT_A_TIME = 4;

/**
 * Judges manifests with all that is in them and hangs on them, and shows why where one of them is refused.
 * @throws OciError REFUSED
 */
export async function judgeRoots({ source, places, policy, as }: JudgeRequest, context: Context): Promise<Judged> {
  const { signal, out } = context;
  const engine = await openPolicyFile(policy, context);
  const [{ pinReferrers }, { eachOf }] = await Promise.all([
    import("../policy/pinned-source.ts"),
    import("../transfer/workers.ts"),
  ]);
  const pinned = pinReferrers(source);
  const asked = places.flatMap(({ locator, roots }) => roots.map((root) => ({ ...root, locator })));
  const decisions: NamedDecision[] = [];
  await eachOf(asked.entries(), AT_A_TIME, async ([at, { descriptor, tags, locator }]) => {
    const place = placeFor({ locator }, tags, as);
    const decision = await engine.decide({ source: pinned, subject: descriptor, ...place, signal });
    decisions[at] = { ...decision, reference: describePlaced(locator, tags) };
  });
  const refused = decisions.filter(({ allowed }) => !allowed);
  if (refused.length > 0) out.result({ decisions }, () => refused.flatMap(decisionLines), []);
  requireAllowed(decisions);
  return { source: pinned, decisions };
}

function describePlaced(locator: Locator, [tag]: readonly string[]): string {
  if (locator.medium === "docker-archive" || tag === undefined) return formatLocator(locator);
  const { digest: _digest, ...place } = locator;
  return formatLocator({ ...place, tag });
}
