import { collect } from "../bytes/collect.ts";
import { isOciError, OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { Limits } from "../spec/limits.ts";
import type { Digest } from "../spec/digest.ts";
import type { Signal } from "../store/content.ts";
import { removeTag } from "../store/remove-tag.ts";
import type { Store } from "../store/store.ts";
import { eachOf } from "../transfer/workers.ts";

/** Manifests that are read at a time. */
const AT_A_TIME = 8;

/** A tag that moves, from where it was found. */
export interface TagMove {
  readonly tag: string;
  /** Null: there was no such tag. */
  readonly from: Descriptor | null;
  /** Null: it goes. */
  readonly to: Descriptor | null;
}

/** What a tag points at; null where there is none. */
export async function tagAt(target: Pick<Store, "resolve">, tag: string, options: Signal): Promise<Descriptor | null> {
  try {
    return await target.resolve({ tag }, options);
  } catch (error) {
    if (isOciError(error, "MANIFEST_UNKNOWN", "NAME_UNKNOWN")) return null;
    throw error;
  }
}

/**
 * Moves tags together: all of them, or none. Where the medium takes a batch it is one; a registry takes one at a time, so
 * that those which moved are put back where another one fails. Each only moves from where it was found.
 * @returns whether the other side held each to that itself, so that nobody can come in between
 * @throws OciError CONFLICT, and what the target throws; PARTIAL where some could not be put back
 */
export async function moveTags(
  target: Store,
  moves: readonly TagMove[],
  options: Signal,
): Promise<{ readonly guarded: boolean }> {
  if (moves.length === 0) return { guarded: true };
  if (target.location.medium !== "registry") return moveBatch(target, moves, options);
  const kept = await keepFormer(target, moves, options);
  // The first one alone: it finds out what the registry can do.
  const moving = (some: readonly TagMove[]): Promise<PromiseSettledResult<{ readonly guarded: boolean }>[]> =>
    Promise.allSettled(some.map((move) => moveOne(target, move, options)));
  const attempts = await moving(moves.slice(0, 1));
  if (attempts.every(({ status }) => status === "fulfilled")) {
    attempts.push(...(await moving(moves.slice(1))));
  }
  const failed = attempts.find((attempt) => attempt.status === "rejected");
  if (!failed) {
    return { guarded: attempts.every((attempt) => attempt.status === "fulfilled" && attempt.value.guarded) };
  }
  const cause: unknown = failed.reason;
  const moved = kept.filter((_move, at) => attempts[at]?.status === "fulfilled");
  const unclear = kept.filter((_move, at) => {
    const attempt = attempts[at];
    return attempt?.status === "rejected" && !isOciError(attempt.reason, "CONFLICT");
  });
  const stuck = await putBack(target, moved, unclear);
  if (stuck.length === 0) throw cause;
  throw new OciError("PARTIAL", `The tags ${stuck.join(", ")} moved and could not be put back`, {
    cause,
    hint: "Look at them with: berth tag ls; put them back with: berth promote --undo",
  });
}

/** A registry may drop a manifest with the last tag that leaves it: to go back there, its bytes have to be at hand. */
async function keepFormer(target: Store, moves: readonly TagMove[], options: Signal): Promise<readonly TagMove[]> {
  const former = new Map(moves.flatMap(({ from }) => (from ? [[from.digest, from] as const] : [])));
  const kept = new Map<Digest, Descriptor>();
  await eachOf(former.values(), AT_A_TIME, async (from) => {
    // Without them it goes back as long as the registry still has it.
    kept.set(from.digest, await withData(target, from, options).catch(() => from));
  });
  return moves.map((move) => ({ ...move, from: (move.from && kept.get(move.from.digest)) ?? null }));
}

/** With a manifest's bytes in its descriptor, a registry that is sent it with a tag need not be asked for them. */
export async function withData(
  source: Pick<Store, "fetch">,
  descriptor: Descriptor,
  waits: Signal,
): Promise<Descriptor> {
  const fetched = source.fetch(descriptor, { kind: "manifest", ...waits });
  const bytes = await collect(fetched, Limits.manifest, `manifest ${descriptor.digest}`);
  return { ...descriptor, data: Buffer.from(bytes).toString("base64") };
}

async function moveBatch(
  target: Pick<Store, "update">,
  moves: readonly TagMove[],
  options: Signal,
): Promise<{ readonly guarded: boolean }> {
  return target.update(
    moves.map(({ tag, from, to }) => ({ tag, to, expect: from?.digest ?? null })),
    options,
  );
}

async function moveOne(target: Store, move: TagMove, options: Signal): Promise<{ readonly guarded: boolean }> {
  try {
    return await moveBatch(target, [move], options);
  } catch (error) {
    if (move.to !== null || !isOciError(error, "UNSUPPORTED")) throw error;
    // It deletes no tags, but manifests.
    await removeTag(target, move.tag, { ...options, ...(move.from ? { expect: move.from.digest } : {}) });
    return { guarded: false };
  }
}

/** Tags that moved go back, and so do those of which it is not known whether they did. Nothing interrupts it. */
async function putBack(
  target: Store,
  moved: readonly TagMove[],
  unclear: readonly TagMove[],
): Promise<readonly string[]> {
  const stuck: string[] = [];
  for (const { tag, from, to } of [...moved, ...unclear]) {
    try {
      const now = await tagAt(target, tag, {});
      // It did not move, or somebody has moved it since: it is not ours any more.
      if (now?.digest !== to?.digest) continue;
      await moveOne(target, { tag, from: to, to: from }, {});
    } catch (error) {
      if (!isOciError(error, "CONFLICT")) stuck.push(tag);
    }
  }
  return stuck;
}
