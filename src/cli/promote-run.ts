import { OciError } from "../error/oci-error.ts";
import { describeOpened, nameOf, type Opened } from "../open/opened.ts";
import type { PreparedPromotion, Promotion } from "../policy/promote.ts";
import type { TagMove } from "../policy/move-tags.ts";
import { shortDigest } from "../spec/digest.ts";
import { formatLocator, type Locator } from "../spec/locator.ts";
import type { Store } from "../store/store.ts";
import { type ConnectionValues, openLocated, readLocator, refuseSharedCredentials } from "./connection.ts";
import type { Context } from "./context.ts";
import type { KeylessValues } from "./keyless-options.ts";
import { stepJson, stepLines } from "./plan-report.ts";
import { openPolicyFile, placeFor } from "./policy-file.ts";
import { decisionLines, type NamedDecision, requireAllowed } from "./policy-report.ts";
import { resolveManifest } from "./resolve.ts";
import { openSignerOf } from "./signers.ts";
import { style } from "./style.ts";

type PromoteValues = ConnectionValues &
  KeylessValues & {
    readonly key: string | undefined;
    readonly as: string | undefined;
    readonly tags: readonly string[];
    readonly platform: string | undefined;
    readonly concurrency: number | undefined;
    readonly dryRun: boolean;
  };

interface Request {
  readonly source: string;
  readonly target: string;
  /** A file. */
  readonly policy: string;
}

/** Judges, copies, records, and moves the tags. @throws OciError REFUSED */
export async function runPromote(request: Request, options: PromoteValues, context: Context): Promise<void> {
  const { signal, onEvent } = context;
  await refuseSharedCredentials([request.source, request.target], options, context);
  // First, so that a wrong password or a missing key costs no request.
  const by = options.dryRun ? undefined : await openSignerOf(options, context);
  const engine = await openPolicyFile(request.policy, context);
  await using stack = new AsyncDisposableStack();
  const from = stack.use(await openLocated(request.source, "read", options, context));
  const subject = await resolveManifest(from, options.platform, context);
  const locator = await readLocator(request.target, context);
  const tags = await tagsOf(locator, subject.digest, from, options.tags);
  const { preparePromotion } = await import("../policy/promote.ts");
  const prepared = await preparePromotion({
    source: from.store,
    target: async (): Promise<Store> => {
      const mode = options.dryRun ? "plan" : "create";
      return stack.use(await openLocated(request.target, mode, options, context)).store;
    },
    subject,
    place: placeFor({ locator }, tags, options.as),
    engine,
    from: describeOpened(from),
    signal,
    onEvent,
    ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
  });
  const decision = { ...prepared.decision, reference: formatLocator(locator) };
  if (!decision.allowed) {
    context.out.result({ decision }, () => decisionLines(decision), []);
    requireAllowed([decision]);
  }
  if (by) showPromotion(await prepared.run(by), decision, context);
  else await showPlan(prepared, decision, context);
}

/** The target's own tag, else the source's, and those that were asked for beside it. @throws OciError USAGE */
async function tagsOf(
  locator: Locator,
  digest: string,
  from: Opened,
  further: readonly string[],
): Promise<readonly string[]> {
  if (locator.medium === "docker-archive") {
    throw new OciError("UNSUPPORTED", "Nothing can be promoted to a docker archive: it cannot hold what proves it");
  }
  if (locator.digest !== undefined && locator.digest !== digest) {
    throw new OciError("DIGEST_INVALID", `The target expects ${locator.digest}, but the source is ${digest}`, {
      side: "target",
      reference: formatLocator(locator),
    });
  }
  const own = locator.tag ?? (further.length > 0 ? undefined : await sourceTag(from));
  const tags = [...(own === undefined ? [] : [own]), ...further];
  if (tags.length > 0) return [...new Set(tags)];
  throw new OciError("USAGE", "Expected a tag to promote to, in TARGET or with --tag");
}

async function sourceTag(from: Opened): Promise<string | undefined> {
  if (from.tag !== undefined || from.digest !== undefined) return from.tag;
  const name = await nameOf(from);
  return "tag" in name ? name.tag : undefined;
}

function showPromotion({ copied, moved, record, guarded }: Promotion, decision: NamedDecision, { out }: Context): void {
  const { digest, reference } = decision;
  const nodes = copied.nodes;
  const value = {
    digest,
    target: reference,
    decision,
    tags: moved,
    ...(record === undefined ? {} : { record: record.digest }),
    guarded,
    copied,
  };
  out.result(
    value,
    () => [
      ...decisionLines(decision),
      `${nodes.push + nodes.mount + nodes.link} copied, ${nodes.skip} skipped`,
      ...moved.map(
        ({ name, previous }) =>
          `${style.green("moved")}  ${name} → ${shortDigest(digest)} (${previous === null ? "new" : `was ${shortDigest(previous)}`})`,
      ),
      ...(moved.length === 0 ? ["All tags were there already: no record is left"] : []),
      ...(record === undefined ? [] : [`record ${record.digest}`]),
    ],
    [digest],
  );
}

async function showPlan(prepared: PreparedPromotion, decision: NamedDecision, { out }: Context): Promise<void> {
  const steps: unknown[] = [];
  const lines: string[] = [...decisionLines(decision)];
  for await (const step of prepared.steps()) {
    if (out.json) steps.push(stepJson(step));
    else lines.push(...stepLines(step));
  }
  const tags = prepared.tags.map(({ tag, from, to }) => ({
    name: tag,
    previous: from?.digest ?? null,
    digest: to?.digest ?? null,
  }));
  out.result({ dryRun: true, target: decision.reference, decision, steps, tags }, () => [
    ...lines,
    ...prepared.tags.map(tagLine),
  ]);
}

/** Where a tag would go. */
export function tagLine({ tag, from, to }: TagMove): string {
  if (from?.digest === to?.digest) return `keep   ${tag} (it is there already)`;
  const was = from === null ? "new" : `was ${shortDigest(from.digest)}`;
  return `tag    ${tag} → ${to === null ? "removed" : shortDigest(to.digest)} (${was})`;
}
