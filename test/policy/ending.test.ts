import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryStore } from "../../src/memory/memory.ts";
import { decide, fixture, hang, NOW, pushApp, requiring } from "./scene.ts";

const GRYPE = "application/vnd.anchore.grype+json";

test("a decision says when the first of its findings is too old", async () => {
  const store = createMemoryStore();
  // Made at 2026-11-19T00:00:00Z.
  const subject = await pushApp(store);
  const until = async (requirements: string): Promise<string | undefined> => {
    const decision = await decide(requiring(requirements), store, subject);
    assert.equal(decision.allowed, true, decision.reason);
    if (decision.until !== undefined) {
      const then = { now: new Date(decision.until) };
      assert.equal((await decide(requiring(requirements), store, subject, then)).allowed, false);
      const before = { now: new Date(Date.parse(decision.until) - 1) };
      assert.equal((await decide(requiring(requirements), store, subject, before)).allowed, true);
    }
    return decision.until;
  };
  assert.equal(await until("- size: { max: 1MiB }"), undefined);
  assert.equal(await until("- age: { max: 34h }"), "2026-11-20T10:00:00.001Z");
  assert.equal(await until("- age: { max: 99999999d }"), undefined);
  await hang(store, subject, await fixture("grype.json"), GRYPE);
  const scan = await until("- scan: { maxAge: 2d, maxSeverity: high }");
  assert.ok(scan !== undefined && Date.parse(scan) > NOW.getTime(), scan);
  assert.equal(await until("- age: { max: 34h }\n- scan: { maxAge: 2d, maxSeverity: high }"), scan);
  assert.equal(await until("- scan: { maxSeverity: high }"), undefined);
});

test("an exception's end is the decision's", async () => {
  const store = createMemoryStore();
  const subject = await pushApp(store);
  const report = {
    descriptor: { name: "grype", timestamp: "2026-11-20T00:00:00Z" },
    matches: [{ vulnerability: { id: "CVE-1", severity: "critical" }, artifact: { name: "p" } }],
  };
  await hang(store, subject, JSON.stringify(report), GRYPE);
  const rule = "- scan: { maxSeverity: high, ignore: [{ id: CVE-1, until: 2026-12-01, reason: x }] }";
  const { allowed, until = "" } = await decide(requiring(rule), store, subject);
  assert.equal(allowed, true);
  assert.ok(until.startsWith("2026-12-0"), until);
  assert.equal((await decide(requiring(rule), store, subject, { now: new Date(until) })).allowed, false);
});
