import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isOciError } from "../../src/error/oci-error.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import { parseRecord, PROMOTION_PREDICATE } from "../../src/policy/promotion-record.ts";
import { attestManifests, signManifests } from "../../src/sign/sign.ts";
import { verifyAttestations } from "../../src/sign/verify.ts";
import { decorate } from "../../src/store/decorate.ts";
import { toArray } from "../support/content.ts";
import { readWhole } from "../support/graph.ts";
import { ann, bob, engineOf, hang, pushApp, pushIndex } from "./scene.ts";
import { POLICY, BY, PLACE, prepare, promote, undo, signed, at, targets } from "./promote-scene.ts";

for (const [medium, open] of Object.entries(targets)) {
  describe(`promoting to a ${medium}`, () => {
    test("brings all of it, moves every tag and leaves a signed record", async () => {
      await using scope = new AsyncDisposableStack();
      const target = await open(scope);
      const { store, subject } = await signed();
      await hang(store, subject, "{}", "application/vnd.example.note");
      const { moved, record, copied } = await promote(store, subject, target);
      assert.deepEqual(moved, [
        { name: "v1", previous: null },
        { name: "stable", previous: null },
      ]);
      assert.ok(copied.nodes.push + copied.nodes.link > 0);
      for (const tag of ["v1", "stable"]) assert.equal((await target.resolve({ tag })).digest, subject.digest);
      const whole = await readWhole(store, subject);
      const there = await readWhole(target, subject);
      assert.equal(whole.difference(there).size, 0);
      assert.ok(record);
      const report = await verifyAttestations({
        source: target,
        subject,
        verifiers: [ann.verifier],
        predicateType: PROMOTION_PREDICATE,
      });
      assert.equal(report.verified, true);
      const statement = report.signatures.find(({ valid }) => valid)?.statement;
      const told = parseRecord(statement?.predicate ?? null);
      assert.equal(told.source, "staging/app:v1");
      assert.deepEqual(told.target, { repository: "prod/app" });
      assert.deepEqual(told.tags, moved);
      assert.deepEqual(told.rules, ["all"]);
      assert.equal(told.policy, (await engineOf(POLICY)).policy.digest);
      assert.deepEqual(told.by, BY.facts);
    });

    test("writes nothing where the policy refuses it", async () => {
      await using scope = new AsyncDisposableStack();
      const target = await open(scope);
      const store = createMemoryStore();
      const subject = await pushApp(store);
      const prepared = await prepare(store, subject, target);
      assert.equal(prepared.decision.allowed, false);
      await assert.rejects(prepared.run(BY), (error) => isOciError(error, "REFUSED"));
      assert.equal(await target.exists(subject), false);
    });

    test("moves none when one has moved meanwhile, and takes its record back", async () => {
      await using scope = new AsyncDisposableStack();
      const target = await open(scope);
      const { store, subject } = await signed();
      const other = await signed(target, "s390x");
      await target.update([{ tag: "v1", to: other.subject }]);
      const prepared = await prepare(store, subject, target);
      const third = await signed(target, "riscv64");
      await target.update([{ tag: "stable", to: third.subject }]);
      await assert.rejects(prepared.run(BY), (error) => isOciError(error, "CONFLICT"));
      assert.equal((await target.resolve({ tag: "v1" })).digest, other.subject.digest);
      assert.equal((await target.resolve({ tag: "stable" })).digest, third.subject.digest);
      await assert.rejects(undo(target, subject), (error) => isOciError(error, "UNVERIFIED"));
    });

    test("puts the tags back that are still where it put them", async () => {
      await using scope = new AsyncDisposableStack();
      const target = await open(scope);
      const { store, subject } = await signed();
      const old = await signed(target, "s390x");
      await target.update([{ tag: "v1", to: old.subject }]);
      await promote(store, subject, target);
      const first = await undo(target, subject);
      assert.deepEqual(first.left, []);
      await first.run();
      assert.equal((await target.resolve({ tag: "v1" })).digest, old.subject.digest);
      assert.equal(await at(target, "stable"), undefined);
      await assert.rejects(undo(target, subject), (error) => isOciError(error, "CONFLICT"));

      await promote(store, subject, target);
      await target.update([{ tag: "stable", to: old.subject }]);
      const second = await undo(target, subject);
      assert.deepEqual(second.left, ["stable"]);
      await second.run();
      assert.equal((await target.resolve({ tag: "v1" })).digest, old.subject.digest);
      assert.equal((await target.resolve({ tag: "stable" })).digest, old.subject.digest);
    });

    test("of what is there already it leaves no second record", async () => {
      await using scope = new AsyncDisposableStack();
      const target = await open(scope);
      const { store, subject } = await signed();
      await promote(store, subject, target);
      const again = await promote(store, subject, target);
      assert.deepEqual(again.moved, []);
      assert.equal(again.record, undefined);
      const more = await promote(store, subject, target, { repository: "prod/app", tags: ["v1", "latest"] });
      assert.deepEqual(more.moved, [{ name: "latest", previous: null }]);
      // The newest record that moved the tag counts, not that of another one.
      assert.deepEqual(
        (await undo(target, subject, { repository: "prod/app", tags: ["v1"] })).tags.map(({ tag }) => tag),
        ["v1", "stable"],
      );
    });
  });
}

describe("promoting", () => {
  test("an index comes whole", async () => {
    const { store, root, amd, arm } = await pushIndex();
    const subjects = [amd, arm].map((descriptor) => ({ target: store, descriptor }));
    await signManifests({ subjects, signer: ann.signer });
    const target = createMemoryStore();
    await promote(store, root, target);
    assert.equal((await readWhole(store, root)).difference(await readWhole(target, root)).size, 0);
  });

  test("within one repository moves the tags alone", async () => {
    const { store, subject } = await signed();
    const { copied, moved } = await promote(store, subject, store);
    assert.equal(copied.nodes.push, 0);
    assert.equal(moved.length, 2);
  });

  test("a record that cannot be signed moves nothing", async () => {
    const { store, subject } = await signed();
    const target = createMemoryStore();
    const failing = { description: "x", sign: async (): Promise<never> => Promise.reject(new Error("No token")) };
    const prepared = await prepare(store, subject, target);
    await assert.rejects(prepared.run({ signer: failing, facts: {} }), /No token/);
    assert.deepEqual(await toArray(target.tags()), []);
  });

  test("asks for what hangs on ten referrers side by side", { timeout: 20_000 }, async () => {
    const { store, subject } = await signed();
    for (let count = 1; count < 10; count += 1) {
      await hang(store, subject, `{"n":${count}}`, "application/vnd.example.note");
    }
    const all = Promise.withResolvers<void>();
    let asked = 0;
    const waiting = decorate(store, {
      async *referrers(of, options) {
        asked += 1;
        // The image itself, and then all ten at once: one after the other they would wait for ever.
        if (asked === 11) all.resolve();
        if (of.digest !== subject.digest) await all.promise;
        yield* store.referrers(of, options);
      },
    });
    const { copied } = await promote(waiting, subject, createMemoryStore());
    assert.ok(copied.nodes.push > 0);
    assert.equal(asked, 11);
  });

  test("needs a tag", async () => {
    const { store, subject } = await signed();
    const none = prepare(store, subject, store, { repository: "a", tags: [] });
    await assert.rejects(none, (error) => isOciError(error, "USAGE"));
  });

  test("records of others, of other places and forged ones put nothing back", async () => {
    const { store, subject } = await signed();
    const target = createMemoryStore();
    await promote(store, subject, target);
    await assert.rejects(undo(target, subject, PLACE, bob), (error) => isOciError(error, "UNVERIFIED"));
    await assert.rejects(undo(target, subject, { ...PLACE, repository: "prod/other" }), (error) =>
      isOciError(error, "UNVERIFIED"),
    );
    const evil = await pushApp(target, { architecture: "mips" });
    const [newest] = await attestManifests({
      subjects: [{ target, descriptor: subject }],
      signer: bob.signer,
      predicateType: PROMOTION_PREDICATE,
      predicate: {
        promotedAt: new Date(Date.now() + 1000).toISOString(),
        by: {},
        source: { reference: "x" },
        target: { repository: "prod/app" },
        tags: [{ name: "v1", previous: evil.digest }],
        policy: { digest: { sha256: "a".repeat(64) }, rules: [] },
      },
    });
    assert.ok(newest);
    const { tags } = await undo(target, subject);
    assert.deepEqual(
      tags.map(({ tag, to }) => [tag, to]),
      [
        ["v1", null],
        ["stable", null],
      ],
    );
  });
});
