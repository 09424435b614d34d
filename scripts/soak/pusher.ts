import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "./random.ts";
import { type Client, type Image, imageOf, indexOf, type Part } from "./client.ts";

/** What the pushers share: the oracle of what was acknowledged. */
export interface World {
  readonly repositories: readonly string[];
  /** Layers that many images have. */
  readonly layers: readonly Part[];
  readonly grace: number;
  readonly counts: Counts;
  /** What should never happen. */
  readonly failures: string[];
}

export interface Counts {
  pushes: number;
  mounts: number;
  /** Blobs that were left out of a push because a HEAD found them. */
  skipped: number;
  deletedTags: number;
  deletedManifests: number;
  /** Pushes that this machine could not end within the grace; they were begun again. */
  late: number;
}

/** A manifest that was acknowledged and not deleted. */
export interface Kept {
  readonly repository: string;
  readonly image: Image;
  readonly tag: string | undefined;
}

/** Tags of one pusher: they move all the time. */
const TAGS = 6;
/** Images kept at a time. */
const MOST_KEPT = 30;

/** One client: it pushes images of shared layers, moves its tags, and deletes what it pushed, until it is stopped. */
export class Pusher {
  readonly kept = new Map<string, Kept>();
  readonly #name: string;
  readonly #client: Client;
  readonly #world: World;
  readonly #random: Random;
  #number = 0;

  constructor(name: string, client: Client, world: World, random: Random) {
    this.#name = name;
    this.#client = client;
    this.#world = world;
    this.#random = random;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const isFull = this.kept.size >= MOST_KEPT;
      if (isFull || (this.kept.size > 0 && this.#random.chance(0.3))) await this.#delete();
      else await this.#push();
    }
  }

  /** Deletes everything that it pushed. */
  async clear(): Promise<void> {
    while (this.kept.size > 0) await this.#deleteManifest();
  }

  async #push(): Promise<void> {
    const { repositories, layers, counts } = this.#world;
    const repository = this.#random.pick(repositories);
    const chosen = [this.#random.pick(layers), this.#random.pick(layers), this.#random.pick(layers)];
    const name = `${this.#name} ${(this.#number += 1)}`;
    const base = [...this.kept.values()].find((each) => each.repository === repository);
    const subject = base && this.#random.chance(0.2) ? base.image : undefined;
    const image = imageOf(name, [...new Set(chosen)], subject);
    const whole = this.#random.chance(0.15) ? indexOf([image, imageOf(`${name} too`, chosen.slice(0, 1))]) : image;
    const tag = this.#random.chance(0.7) ? `${this.#name}-${this.#random.below(TAGS)}` : undefined;
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const pushed = await this.#pushGraph(repository, whole, tag);
      if (pushed === "late") continue;
      if (pushed) counts.pushes += 1;
      return;
    }
    this.#world.failures.push(`${repository}: ${name} came too late five times`);
  }

  async #pushGraph(repository: string, image: Image, tag: string | undefined): Promise<boolean | "late"> {
    for (const child of image.children) {
      const pushed = await this.#pushManifest(repository, child, child.digest);
      if (pushed !== true) return pushed;
    }
    const pushed = await this.#pushManifest(repository, image, tag ?? image.digest);
    if (pushed !== true) return pushed;
    if (tag !== undefined) this.#untag(repository, tag);
    this.kept.set(`${repository}@${image.digest}`, { repository, image, tag });
    return true;
  }

  async #pushManifest(repository: string, image: Image, reference: string): Promise<boolean | "late"> {
    const { grace, failures, counts } = this.#world;
    const started = performance.now();
    for (const each of image.parts) if (!(await this.#bring(repository, each))) return false;
    if (this.#random.chance(0.2)) await sleep(this.#random.below(grace / 3));
    const { status, bytes } = await this.#client.put(repository, reference, image);
    const took = performance.now() - started;
    if (status === 201) return true;
    if (took > grace / 2) {
      counts.late += 1;
      return "late";
    }
    failures.push(
      `PUT ${repository} ${reference}: ${status} after ${Math.round(took)} ms: ${Buffer.from(bytes).toString()}`,
    );
    return false;
  }

  /** Leaves out what is there, mounts what another repository may have, uploads the rest. */
  async #bring(repository: string, each: Part): Promise<boolean> {
    const { counts, failures, repositories } = this.#world;
    if (await this.#client.has(repository, each.digest)) {
      counts.skipped += 1;
      return true;
    }
    const isMount = this.#random.chance(0.5);
    const status = isMount
      ? await this.#client.mount(repository, each, this.#random.pick(repositories))
      : await this.#client.upload(repository, each);
    if (status === "mounted") {
      counts.mounts += 1;
      return true;
    }
    if (status !== 201) failures.push(`Upload of ${each.digest} to ${repository}: ${status}`);
    return status === 201;
  }

  async #delete(): Promise<void> {
    const tagged = [...this.kept.values()].filter(({ tag }) => tag !== undefined);
    if (tagged.length > 0 && this.#random.chance(0.4)) await this.#deleteTag(this.#random.pick(tagged));
    else await this.#deleteManifest();
  }

  async #deleteTag({ repository, tag = "" }: Kept): Promise<void> {
    const { status } = await this.#client.delete(repository, "manifests", tag);
    if (status !== 202) this.#world.failures.push(`DELETE ${repository}:${tag}: ${status}`);
    this.#world.counts.deletedTags += 1;
    this.#untag(repository, tag);
  }

  async #deleteManifest(): Promise<void> {
    const [key, kept] = this.#random.pick([...this.kept]);
    // From here on nobody may count on it.
    this.kept.delete(key);
    // An index before what it lists.
    for (const { digest } of [kept.image, ...kept.image.children]) {
      const { status } = await this.#client.delete(kept.repository, "manifests", digest);
      if (status !== 202) this.#world.failures.push(`DELETE ${kept.repository}@${digest}: ${status}`);
      this.#world.counts.deletedManifests += 1;
    }
  }

  #untag(repository: string, tag: string): void {
    for (const [key, kept] of this.kept) {
      if (kept.repository === repository && kept.tag === tag) this.kept.set(key, { ...kept, tag: undefined });
    }
  }
}
