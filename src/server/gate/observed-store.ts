import { collect } from "../../bytes/collect.ts";
import { fromBuffer } from "../../bytes/bytes.ts";
import { OciError } from "../../error/oci-error.ts";
import { bareDescriptor, type Descriptor } from "../../spec/descriptor.ts";
import type { Digest } from "../../spec/digest.ts";
import { Limits } from "../../spec/limits.ts";
import { digestTagSubject } from "../../spec/referrer.ts";
import { decorate } from "../../store/decorate.ts";
import type { Store } from "../../store/store.ts";
import type { GuardedRepository } from "./guarded-repository.ts";
import { brokenRule, type GateEvent, type JudgedFinding } from "./judge.ts";
import { natureOf, type Natures } from "./nature.ts";

export interface ObserveOptions {
  readonly guarded: GuardedRepository;
  readonly natures: Natures;
  /** Tags that break the policy are turned away. */
  readonly refuse: boolean;
  readonly now: () => Date;
  readonly onEvent: (event: GateEvent) => void;
  /** Images whose decision may be another one from now on. */
  readonly reconsider: (digests: readonly Digest[]) => void;
}

/** A repository as pushers see it: all of it; the gate learns what they write. */
export function observe(store: Store, options: ObserveOptions): Store {
  const { guarded, refuse, reconsider } = options;
  const { listReferrers } = store;
  const remove = store.delete;

  /** Whatever comes of a write, it may have changed something. */
  async function changing<T>(
    what: "written" | "deleted",
    digests: readonly Digest[],
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      return await work();
    } finally {
      guarded.changed(what);
      reconsider(digests);
    }
  }

  return decorate(store, {
    async push(descriptor, source, push) {
      if (push.kind === "blob") return store.push(descriptor, source, push);
      const { tags = [] } = push;
      const bytes = await collect(source(), Limits.manifest, "manifest");
      const again = (from?: { readonly offset?: number }): AsyncGenerator<Uint8Array> =>
        fromBuffer(bytes.subarray(from?.offset ?? 0));
      if (refuse && tags.length > 0) await requireAllowed(store, descriptor, bytes, tags, options);
      const touched = [...(tags.length > 0 ? [descriptor.digest] : []), ...subjectsOf(bytes, descriptor, tags)];
      const pushed = await changing("written", touched, () => store.push(descriptor, again, push));
      guarded.learn(descriptor);
      return pushed;
    },
    async update(changes, update) {
      const touched: Digest[] = [];
      for (const { tag, to } of changes) {
        const subject = digestTagSubject(tag);
        if (subject) touched.push(subject);
        if (!to) continue;
        touched.push(to.digest);
        if (!refuse) continue;
        const bytes = await collect(store.fetch(to, { kind: "manifest" }), Limits.manifest, `manifest ${to.digest}`);
        await requireAllowed(store, to, bytes, [tag], options);
      }
      const removes = changes.some(({ to }) => to === null);
      return changing(removes ? "deleted" : "written", touched, () => store.update(changes, update));
    },
    ...(remove
      ? {
          async delete(descriptor, removal) {
            const touched = removal.kind === "manifest" ? await subjectsBefore(store, descriptor, options) : [];
            return changing("deleted", touched, () => remove.call(store, descriptor, removal));
          },
        }
      : {}),
    ...(listReferrers
      ? {
          listReferrers: (changes, listing) =>
            changing(
              changes.some(({ remove: gone }) => gone.length > 0) ? "deleted" : "written",
              changes.map(({ subject }) => subject.digest),
              () => listReferrers.call(store, changes, listing),
            ),
        }
      : {}),
  } satisfies Partial<Store>);
}

/** What a manifest hangs on, by its bytes and tags. */
function subjectsOf(bytes: Uint8Array, { mediaType }: Descriptor, tags: readonly string[]): readonly Digest[] {
  const { subject } = natureOf(bytes, mediaType);
  return [...(subject ? [subject.digest] : []), ...tags.flatMap((tag) => digestTagSubject(tag) ?? [])];
}

/** What a manifest hangs on that is about to go. One that cannot be read goes all the same. */
async function subjectsBefore(
  store: Store,
  descriptor: Descriptor,
  { guarded, natures }: ObserveOptions,
): Promise<readonly Digest[]> {
  try {
    const { subject } = await natures.of(store, descriptor);
    const index = await guarded.tags(store);
    return [...(subject ? [subject.digest] : []), ...index.subjectsOf(descriptor.digest)];
  } catch {
    return [];
  }
}

/** @throws OciError REFUSED, and what the judge throws */
async function requireAllowed(
  store: Store,
  descriptor: Descriptor,
  bytes: Uint8Array,
  tags: readonly string[],
  { guarded, now, onEvent }: ObserveOptions,
): Promise<void> {
  const nature = natureOf(bytes, descriptor.mediaType);
  // What hangs on an image comes before the image is allowed.
  if (nature.evidence && (nature.subject !== undefined || tags.every((tag) => digestTagSubject(tag)))) return;
  const { judge, name } = guarded;
  const { digest } = descriptor;
  const judgement = await judge.judge({
    source: {
      fetch: (wanted, options) =>
        wanted.digest === digest ? fromBuffer(Buffer.from(bytes)) : store.fetch(wanted, options),
      referrers: (subject, options) => store.referrers(subject, options),
    },
    subject: bareDescriptor(descriptor),
    repository: name,
    tags,
    now: now(),
  });
  if (judgement.allowed) return;
  const { reason = "it is not allowed", rules } = judgement;
  onEvent({ type: "refused", repository: name, digest, tags, policy: judge.policy, ...brokenRule(judgement), reason });
  throw new OciError("REFUSED", `The policy refuses ${tags.join(", ")}: ${reason}`, {
    hint: "Push by digest, attach what is missing, and set the tag then",
    detail: {
      policy: judge.policy,
      digest,
      tags,
      reason,
      rules: rules.flatMap(({ rule, holds, findings }) =>
        holds ? [] : [{ rule, missing: findings.filter((each) => !each.holds).map(missingIn) }],
      ),
    },
  });
}

function missingIn({ requirement, on, found, missing }: JudgedFinding): Readonly<Record<string, string>> {
  return { requirement, on, found, ...(missing === undefined ? {} : { missing }) };
}
