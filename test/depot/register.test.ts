import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { MediaType } from "../../src/spec/media-type.ts";
import { index, type Piece } from "../support/content.ts";
import { openScene, type Scene } from "../server/security/scene.ts";
import { findAnomaly, type Operation } from "./linearizable.ts";

const CLIENTS = 50;
/** Operations of each of them; 1,000 are the case's. */
const ROUNDS = Number(process.env["BERTH_TEST_ROUNDS"] ?? 20);

function seedOf(): number {
  const given = process.env["BERTH_TEST_SEED"];
  return given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
}

/** Numbers from 0 to 1 that a seed brings back. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Recorder {
  readonly history: Operation[];
  /** Digests whose write was answered with 201. */
  readonly acknowledged: Set<string>;
}

/** One client: reads and writes the tag, some of the writes only where it is what it last saw. */
async function client(scene: Scene, own: readonly Piece[], next: () => number, recorder: Recorder): Promise<void> {
  let seen: string | undefined;
  const left = [...own];
  for (let round = 0; round < ROUNDS; round++) {
    const choice = next();
    const piece = choice < 0.5 ? left.pop() : undefined;
    const start = performance.now();
    if (piece === undefined) {
      const reply = await scene.ask(choice < 0.75 ? "GET" : "HEAD", "/v2/a/manifests/one");
      assert.equal(reply.status, 200);
      seen = String(reply.headers["docker-content-digest"]);
      recorder.history.push({ kind: "read", value: seen, start, end: performance.now() });
      continue;
    }
    const guard: Record<string, string> = choice < 0.2 && seen !== undefined ? { "if-match": `"${seen}"` } : {};
    const value = piece.descriptor.digest;
    const reply = await scene.ask("PUT", "/v2/a/manifests/one", {
      body: piece.bytes,
      headers: { "content-type": MediaType.ImageIndex, ...guard },
    });
    if (reply.status === 412) continue;
    assert.equal(reply.status, 201);
    recorder.history.push({ kind: "write", value, start, end: performance.now() });
    recorder.acknowledged.add(value);
  }
}

for (const medium of ["layouts", "depot"] as const) {
  test(`${medium} F60: ${CLIENTS} clients on one tag see one register, and every acknowledged digest stays pullable`, async (t) => {
    const seed = seedOf();
    t.diagnostic(`BERTH_TEST_SEED=${seed}`);
    await using scene = await openScene(medium);
    const first = index([], { of: "nobody" });
    const headers = { "content-type": MediaType.ImageIndex };
    assert.equal((await scene.ask("PUT", "/v2/a/manifests/one", { headers, body: first.bytes })).status, 201);
    const recorder: Recorder = { history: [], acknowledged: new Set([first.descriptor.digest]) };
    await Promise.all(
      Array.from({ length: CLIENTS }, (_, who) => {
        const own = Array.from({ length: ROUNDS }, (__, at) => index([], { of: who, at }));
        return client(scene, own, random(seed + who), recorder);
      }),
    );
    const { history, acknowledged } = recorder;
    assert.ok(history.filter(({ kind }) => kind === "read").length > CLIENTS);
    assert.ok(acknowledged.size > CLIENTS);
    assert.equal(findAnomaly(history, first.descriptor.digest), undefined);

    for (const restarted of [false, true]) {
      if (restarted) await scene.restart();
      const start = performance.now();
      const value = String((await scene.ask("HEAD", "/v2/a/manifests/one")).headers["docker-content-digest"]);
      history.push({ kind: "read", value, start, end: performance.now() });
      assert.ok(acknowledged.has(value));
      for (const digest of acknowledged) {
        const { status, headers: got } = await scene.ask("GET", `/v2/a/manifests/${digest}`);
        assert.equal(status, 200);
        assert.equal(got["docker-content-digest"], digest);
      }
    }
    assert.equal(findAnomaly(history, first.descriptor.digest), undefined);
    const last = history.at(-1)?.value;
    await scene.server.close(0);
    await scene.registry[Symbol.asyncDispose]();
    const { manifests } = JSON.parse(readFileSync(join(scene.root, "a/index.json"), "utf8")) as {
      manifests: { digest: string; annotations?: Record<string, string> }[];
    };
    const named = manifests.filter(({ annotations }) => annotations?.["org.opencontainers.image.ref.name"] === "one");
    assert.deepEqual(
      named.map(({ digest }) => digest),
      [last],
      "other tools read the same",
    );
  });
}

const write = (value: string, start: number, end: number): Operation => ({ kind: "write", value, start, end });
const read = (value: string, start: number, end: number): Operation => ({ kind: "read", value, start, end });

test("F60: the checker finds what no register does", () => {
  for (const [history, expected] of [
    [[write("a", 0, 1), read("0", 2, 3)], /a was there only while 0 was/],
    [[read("a", 0, 1)], /never written/],
    [[read("a", 0, 1), write("a", 2, 3)], /before it was written/],
    [[write("a", 0, 1), write("b", 2, 3), read("a", 4, 5)], /b was there only while a was/],
    [[write("a", 0, 9), write("b", 0, 9), read("a", 1, 2), read("b", 3, 4), read("a", 5, 6)], /was there/],
    [[write("a", 0, 1), write("b", 0, 1), read("a", 2, 3), read("b", 4, 5)], /was there/],
  ] as const) {
    assert.match(findAnomaly(history, "0") ?? "nothing", expected);
  }
  for (const history of [
    [],
    [read("0", 0, 1)],
    [write("a", 0, 5), read("0", 1, 2), read("a", 3, 4)],
    [write("a", 0, 5), read("a", 1, 2), write("b", 0, 9), read("b", 6, 7)],
    [write("a", 0, Number.POSITIVE_INFINITY), write("b", 1, 2), read("b", 8, 9)],
    [write("a", 0, Number.POSITIVE_INFINITY), write("b", 1, 2), read("b", 3, 4), read("a", 8, 9)],
  ]) {
    assert.equal(findAnomaly(history, "0"), undefined, JSON.stringify(history));
  }
});

test("F60, property: a history made by a register is none of an anomaly, and one with a stale read is", () => {
  // Each operation takes effect at its own instant, between a start before and an end after it.
  const spread = fc.array(fc.tuple(fc.boolean(), fc.nat(8), fc.nat(8)), { minLength: 1, maxLength: 40 });
  const play = (steps: readonly (readonly [boolean, number, number])[], stale: boolean): Operation[] => {
    const values = ["0"];
    return steps.map(([isWrite, before, after], at) => {
      const instant = at * 10;
      if (isWrite) values.push(`v${at}`);
      const value = (stale && !isWrite ? values.at(-3) : values.at(-1)) ?? "0";
      const [early, late] = stale ? [1, 1] : [before, after];
      return { kind: isWrite ? "write" : "read", value, start: instant - early * 3, end: instant + late * 3 };
    });
  };
  fc.assert(fc.property(spread, (steps) => assert.equal(findAnomaly(play(steps, false), "0"), undefined)));
  fc.assert(
    fc.property(spread, (steps) => {
      const history = play([[true, 0, 0], [true, 0, 0], ...steps, [false, 0, 0]], true);
      assert.notEqual(findAnomaly(history, "0"), undefined);
    }),
  );
});
