import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { DepotEvent } from "../../src/depot/event.ts";
import type { Depot } from "../../src/depot/depot.ts";
import { openDepot } from "../../src/depot/open-depot.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import type { JsonObject } from "../../src/spec/json.ts";
import { entryName, type LayoutIndex, parseLayoutIndex } from "../../src/spec/layout-index.ts";
import type { Store } from "../../src/store/store.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { image, pushImage, toArray } from "../support/content.ts";

/** A depot in a folder of its own, and what it told. */
export interface DepotScene {
  readonly root: string;
  readonly events: DepotEvent[];
  depot: Depot;
  /** Opens it again, as after a stop. */
  reopen(): Promise<void>;
}

export async function depotScene(t: TestContext, prepare?: (root: string) => Promise<void>): Promise<DepotScene> {
  const root = await mkdtemp(join(tmpdir(), "berth-follow-"));
  await prepare?.(root);
  const events: DepotEvent[] = [];
  const open = (): Promise<Depot> => openDepot(root, { onEvent: (event) => void events.push(event) });
  const scene: DepotScene = {
    root,
    events,
    depot: await open(),
    async reopen() {
      await scene.depot[Symbol.asyncDispose]();
      scene.depot = await open();
    },
  };
  t.after(async () => {
    await scene.depot[Symbol.asyncDispose]();
    await rm(root, { recursive: true });
  });
  return scene;
}

export async function indexOf(root: string, repository = "a"): Promise<LayoutIndex> {
  return parseLayoutIndex(await readFile(join(root, repository, "index.json")));
}

/** The names in an index.json with their digests, sorted. */
export async function namesIn(root: string, repository = "a"): Promise<Record<string, string>> {
  const { entries } = await indexOf(root, repository);
  const named = entries.flatMap((entry) => {
    const name = entryName(entry);
    return name === undefined ? [] : [[name, entry.descriptor.digest] as const];
  });
  return Object.fromEntries(named.toSorted(([left], [right]) => (left < right ? -1 : 1)));
}

/** Digests of the entries without a name. */
export async function unnamedIn(root: string, repository = "a"): Promise<string[]> {
  const { entries } = await indexOf(root, repository);
  return entries.filter((entry) => entryName(entry) === undefined).map(({ descriptor }) => descriptor.digest);
}

export async function tagsOf(store: Store): Promise<string[]> {
  return (await toArray(store.tags())).map(({ name }) => name);
}

/** Pushes an image as a tool does that works on the layout itself. */
export async function pushBeside(
  root: string,
  seed: string,
  tags: readonly string[],
  repository = "a",
): Promise<Descriptor> {
  await using layout = await openLayout(join(root, repository), { create: true });
  return await pushImage(layout, image(seed), tags);
}

/** Writes index.json as tools do that know of no lock. */
export async function rewrite(
  root: string,
  change: (document: { manifests: JsonObject[] } & JsonObject) => void,
): Promise<void> {
  const path = join(root, "a", "index.json");
  const document = JSON.parse(await readFile(path, "utf8")) as { manifests: JsonObject[] } & JsonObject;
  change(document);
  await writeFile(path, JSON.stringify(document, undefined, 2));
}

/** Milliseconds: longer than the pause between two looks at an index.json, and than its time stamp may be young. */
export const LOOKED_AGAIN = 1100;

/** The tags at which the catalog's word stood against another's, and why. */
export function kept(events: readonly DepotEvent[]): unknown[] {
  return events.flatMap((event) => (event.type === "tag-kept" ? [[event.tag, event.reason]] : []));
}

export async function digestAt(store: Store, tag: string): Promise<string> {
  return (await store.resolve({ tag })).digest;
}

/** Milliseconds for which something is waited for that has to come. */
const PATIENCE = 20_000;

/** Checks until it holds: others' changes are seen by the first request after a pause. */
export async function eventually(check: () => Promise<void>): Promise<void> {
  for (const end = performance.now() + PATIENCE; ;) {
    try {
      return await check();
    } catch (error) {
      const isYetToCome = error instanceof assert.AssertionError || isOciError(error, "MANIFEST_UNKNOWN");
      if (!isYetToCome || performance.now() > end) throw error;
    }
    await sleep(50);
  }
}

/** Waits until a tag is where it should be. */
export async function becomes(store: Store, tag: string, digest: string): Promise<void> {
  await eventually(async () => assert.equal(await digestAt(store, tag), digest, tag));
}
