import type { Root } from "../graph/plan.ts";
import { isOciError } from "../error/oci-error.ts";
import { bareDescriptor } from "../spec/descriptor.ts";
import type { NameChange } from "../store/names.ts";
import type { Store } from "../store/store.ts";
import { copy, type CopyOptions } from "./copy.ts";
import { FanOut } from "./fan-out.ts";
import type { Summary } from "./summary.ts";

export interface CopyTarget {
  readonly store: Store;
  /** The same manifests for each, under names of its own. */
  readonly roots: readonly Root[];
}

export interface CopyToAllOptions extends Omit<CopyOptions, "target" | "roots"> {
  readonly targets: readonly CopyTarget[];
}

/**
 * Copies to several targets in one reading of the source. All content is everywhere before the first name is written.
 * @returns what each target got, in their order
 * @throws OciError of the first failure; what arrived until then stays, and no name has moved
 */
export async function copyToAll(options: CopyToAllOptions): Promise<readonly Summary[]> {
  const { targets, source, signal, ...rest } = options;
  const waits = signal ? { signal } : {};
  const [first] = targets;
  if (first && targets.length === 1) {
    return [await copy({ ...rest, ...waits, source, target: first.store, roots: first.roots })];
  }
  const fanOut = new FanOut(
    targets.map(({ store }) => store),
    source.location,
  );
  const roots = (first?.roots ?? []).map((root) => ({ ...root, tags: [] }));
  const whole = await copy({ ...rest, ...waits, source, target: fanOut.store(), roots });
  const all = Object.values(whole.nodes).reduce((sum, count) => sum + count, 0);
  const shares = fanOut.shares();
  return await Promise.all(
    targets.map(async (target, at): Promise<Summary> => {
      const names = await nameAll(target, waits);
      const share = shares[at] ?? { nodes: { push: 0, mount: 0, link: 0 }, pushedBytes: 0 };
      const { push, mount, link } = share.nodes;
      return {
        nodes: { push, mount, link, skip: all - push - mount - link },
        pushedBytes: share.pushedBytes,
        totalBytes: whole.totalBytes,
        listedReferrers: whole.listedReferrers,
        external: whole.external,
        named: [...whole.named, ...names.named],
        unchanged: [...whole.unchanged, ...names.unchanged],
      };
    }),
  );
}

async function nameAll(
  { store, roots }: CopyTarget,
  waits: { readonly signal?: AbortSignal },
): Promise<{ named: readonly string[]; unchanged: readonly string[] }> {
  const changes: NameChange[] = [];
  const unchanged: string[] = [];
  for (const { descriptor, tags } of roots) {
    for (const tag of tags) {
      const current = await store.resolve({ tag }, waits).catch((error: unknown) => {
        if (isOciError(error, "MANIFEST_UNKNOWN", "NAME_UNKNOWN")) return undefined;
        throw error;
      });
      if (current?.digest === descriptor.digest) unchanged.push(tag);
      else changes.push({ tag, to: bareDescriptor(descriptor) });
    }
  }
  if (changes.length > 0) await store.update(changes, waits);
  return { named: changes.map(({ tag }) => tag), unchanged };
}
