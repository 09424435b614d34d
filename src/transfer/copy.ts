import { ManifestReader } from "../graph/manifest-reader.ts";
import { plan, type Root } from "../graph/plan.ts";
import type { Step } from "../graph/step.ts";
import type { Digest } from "../spec/digest.ts";
import type { Signal } from "../store/content.ts";
import type { FetchExternal } from "../store/external.ts";
import type { Source, Store } from "../store/store.ts";
import type { OnTransferEvent } from "./event.ts";
import { execute } from "./execute.ts";
import type { Summary } from "./summary.ts";

export interface CopyOptions extends Signal {
  readonly source: Source;
  readonly target: Store;
  /** Manifests to bring over, each with the tags it gets at the target. */
  readonly roots: readonly Root[];
  /** Bring what hangs on every manifest. True by default. */
  readonly referrers?: boolean;
  /** Only referrers of these artifact types. */
  readonly artifactTypes?: readonly string[];
  /** Manifests that stay behind although an index names them; see choosePlatforms. */
  readonly without?: ReadonlySet<Digest>;
  /** Fetches layers that the source lacks from the URLs of their descriptors; without it they are never asked for. */
  readonly external?: FetchExternal;
  /** Say in each step how its node belongs to the graph. */
  readonly explain?: boolean;
  /** Ask the target for every node, and read what a layout holds: damage is found and repaired. */
  readonly deep?: boolean;
  /** Nodes on their way at a time: of large ones, and of small ones and mounts. 4 and 16 by default. */
  readonly concurrency?: number;
  readonly onEvent?: OnTransferEvent;
}

/**
 * Copies whole graphs: index children, referrers with theirs, digest tags. Content comes
 * before manifests, manifests before names. Run again after a break it finishes, and
 * nothing that arrived is sent twice.
 *
 * @example
 *   const descriptor = await source.resolve({ tag: "v1" });
 *   await copy({ source, target, roots: [{ descriptor, tags: ["v1"] }] });
 *
 * @throws OciError of the first failure, with its side
 */
export async function copy(options: CopyOptions): Promise<Summary> {
  const reader = new ManifestReader(options.source);
  const includeExternal = options.external !== undefined;
  return execute(plan({ ...options, reader, includeExternal, lease: true }), { ...options, reader });
}

/** The steps that {@link copy} would take. */
export function planCopy(options: CopyOptions): AsyncIterable<Step> {
  return plan({ ...options, includeExternal: options.external !== undefined });
}
