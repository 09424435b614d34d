import { isOciError, OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Signal } from "../store/content.ts";
import type { NameChange } from "../store/names.ts";
import type { Store } from "../store/store.ts";

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
  target: Pick<Store, "location" | "resolve" | "update">,
  moves: readonly TagMove[],
  options: Signal,
): Promise<{ readonly guarded: boolean }> {
  if (moves.length === 0) return { guarded: true };
  if (target.location.medium !== "registry") return moveBatch(target, moves, options);
  // The first one alone: it finds out what the registry can do.
  const [first, ...rest] = moves;
  const attempts = await Promise.allSettled([moveBatch(target, first ? [first] : [], options)]);
  if (attempts.every(({ status }) => status === "fulfilled")) {
    attempts.push(...(await Promise.allSettled(rest.map((move) => moveBatch(target, [move], options)))));
  }
  const failed = attempts.find((attempt) => attempt.status === "rejected");
  if (!failed) {
    return { guarded: attempts.every((attempt) => attempt.status === "fulfilled" && attempt.value.guarded) };
  }
  const cause: unknown = failed.reason;
  const moved = moves.filter((_move, at) => attempts[at]?.status === "fulfilled");
  const unclear = moves.filter((_move, at) => {
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

/** Tags that moved go back, and so do those of which it is not known whether they did. Nothing interrupts it. */
async function putBack(
  target: Pick<Store, "resolve" | "update">,
  moved: readonly TagMove[],
  unclear: readonly TagMove[],
): Promise<readonly string[]> {
  const stuck: string[] = [];
  for (const { tag, from, to } of [...moved, ...unclear]) {
    try {
      const now = await tagAt(target, tag, {});
      // It did not move, or somebody has moved it since: it is not ours any more.
      if (now?.digest !== to?.digest) continue;
      const back: NameChange = { tag, to: from, expect: to?.digest ?? null };
      await target.update([back]);
    } catch (error) {
      if (!isOciError(error, "CONFLICT")) stuck.push(tag);
    }
  }
  return stuck;
}
