import { parseTarget, type Target } from "./route.ts";

/** Targets kept, and characters of the longest. */
const KEPT = 1000;
const LONGEST = 512;

/** What the targets of the last requests mean: clients ask for the same ones again and again. */
export class KnownTargets {
  readonly #known = new Map<string, Target>();

  /** @throws OciError as {@link parseTarget} does */
  parse(target: string): Target {
    const known = this.#known.get(target);
    if (known) return known;
    const parsed = parseTarget(target);
    if (target.length > LONGEST) return parsed;
    const [first] = this.#known.keys();
    if (this.#known.size === KEPT && first !== undefined) this.#known.delete(first);
    this.#known.set(target, parsed);
    return parsed;
  }
}
