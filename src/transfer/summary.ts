import type { Action, ContentStep, NamesStep } from "../graph/step.ts";
import type { Descriptor } from "../spec/descriptor.ts";

/** A layer that its descriptor says is found elsewhere, or that may not be distributed. */
export interface ExternalLayer {
  readonly descriptor: Descriptor;
  readonly urls: readonly string[];
  /** "fetched": from one of its URLs; "left": nowhere to take it from that was allowed; "copied" and "there" as any other. */
  readonly outcome: "there" | "copied" | "fetched" | "left";
}

/** What a copy did, or with a dry run would do. */
export interface Summary {
  /** Nodes by what was done with them. */
  readonly nodes: Readonly<Record<Action, number>>;
  /** Bytes of the nodes that were pushed. */
  readonly pushedBytes: number;
  /** Bytes of all nodes in the plan. */
  readonly totalBytes: number;
  /** Referrers that the target had to be told of. */
  readonly listedReferrers: number;
  /** Layers that lie outside of registries, and what became of each. */
  readonly external: readonly ExternalLayer[];
  /** Tags that came or moved. */
  readonly named: readonly string[];
  /** Tags that were right already. */
  readonly unchanged: readonly string[];
}

/** Counts while a transfer runs. */
export class Tally {
  readonly #nodes: Record<Action, number> = { push: 0, mount: 0, link: 0, skip: 0 };
  #pushedBytes = 0;
  #totalBytes = 0;
  #listedReferrers = 0;
  readonly #external: ExternalLayer[] = [];
  #names: NamesStep = { type: "names", changes: [], unchanged: [] };

  count(action: Action, descriptor: Descriptor): void {
    this.#nodes[action] += 1;
    this.#totalBytes += descriptor.size;
    if (action === "push") this.#pushedBytes += descriptor.size;
  }

  /** Remembers a layer from elsewhere. */
  planned({ action, descriptor, external, fetched, absent }: ContentStep): void {
    if (external === undefined) return;
    const skipped = absent ? "left" : "there";
    const outcome = fetched ? "fetched" : action === "skip" ? skipped : "copied";
    this.#external.push({ descriptor, urls: external, outcome });
  }

  listed(count: number): void {
    this.#listedReferrers += count;
  }

  named(step: NamesStep): void {
    this.#names = step;
  }

  summary(): Summary {
    return {
      nodes: { ...this.#nodes },
      pushedBytes: this.#pushedBytes,
      totalBytes: this.#totalBytes,
      listedReferrers: this.#listedReferrers,
      external: this.#external,
      named: this.#names.changes.map((change) => change.tag),
      unchanged: this.#names.unchanged,
    };
  }
}
