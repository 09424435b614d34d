import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isOciError } from "../../src/error/oci-error.ts";
import { parsePolicy } from "../../src/policy/parse-policy.ts";
import { Limits } from "../../src/spec/limits.ts";
import { HEAD, requiring } from "./scene.ts";

async function refuses(text: string, line: number, problem: RegExp): Promise<void> {
  await assert.rejects(parsePolicy(Buffer.from(text), { file: "p.yaml" }), (error) => {
    assert.ok(isOciError(error, "FILE_INVALID"), String(error));
    assert.match(error.message, problem);
    assert.match(error.message, new RegExp(`^Invalid policy p\\.yaml, line ${line}: `));
    return true;
  });
}

const RULE = `${HEAD}  - name: all\n    repositories: ["**"]\n`;

describe("a policy's file", () => {
  test("says what it says", async () => {
    const policy = await parsePolicy(
      Buffer.from(
        requiring(`- signature: { by: [ann, bob], threshold: 2, on: index }
- scan: { maxAge: 7d, maxSeverity: medium, ignore: [{ id: CVE-1, until: 2027-01-31, reason: "no fix" }] }
- size: { max: 2MiB }`),
      ),
    );
    assert.equal(policy.default, "deny");
    const [signature, scan, size] = policy.rules[0]?.require ?? [];
    assert.ok(signature?.kind === "signature" && scan?.kind === "scan" && size?.kind === "size");
    assert.deepEqual(signature, {
      kind: "signature",
      line: 9,
      by: ["ann", "bob"],
      threshold: 2,
      annotations: {},
      on: "index",
    });
    assert.equal(scan.maxAge, 7 * 86_400_000);
    assert.equal(scan.ignore[0]?.until.toISOString(), "2027-02-01T00:00:00.000Z");
    assert.equal(size.max, 2 * 1024 * 1024);
    assert.match(policy.digest, /^sha256:/);
  });

  test("knows every key, and says where another one stands", async () => {
    await refuses(
      `${RULE}    require:\n      - signature: { by: ann }\n    requires: []\n`,
      10,
      /unknown key "requires" in a rule/,
    );
    await refuses(requiring("- signature:\n    by: ann\n    treshold: 2"), 11, /unknown key "treshold" in signature/);
    await refuses(requiring("- signatur: { by: ann }"), 9, /unknown requirement "signatur"/);
    await refuses("version: 1\nrules: []\nrule: []\n", 3, /unknown key "rule" in the policy/);
    await refuses("version: 2\nrules: []\n", 1, /version must be 1/);
  });

  test("never asks for less than it seems to", async () => {
    await refuses(`${RULE}    require: []\n`, 8, /requires nothing: say allow: true/);
    await refuses(RULE, 6, /needs require, or allow: true/);
    await refuses(requiring("- signature: { by: [] }"), 9, /by must not be empty/);
    await refuses(requiring("- signature: { by: eve }"), 9, /there is no identity "eve"/);
    await refuses(requiring("- signature: { by: [ann, ann] }"), 9, /names somebody twice/);
    await refuses(requiring("- signature: { by: [ann], threshold: 2 }"), 9, /needs as many keys, got 1/);
    await refuses(requiring("- signature: { by: ann, threshold: 0 }"), 9, /threshold must be a number from 1/);
    await refuses(requiring("- scan: { maxSeverity: unknown }"), 9, /expected one of none/);
    await refuses(requiring("- labels: {}"), 9, /must not be empty/);
    await refuses(requiring("- licenses: { unknown: allow }"), 9, /needs allow or deny/);
  });

  test("takes no exception without an end and a reason", async () => {
    const with_ = (exception: string): string => requiring(`- scan: { maxSeverity: low, ignore: [${exception}] }`);
    await refuses(with_("{ id: CVE-1, reason: x }"), 9, /needs until/);
    await refuses(with_("{ id: CVE-1, until: 2027-01-01 }"), 9, /needs reason/);
    for (const until of ["never", "2027-02-30", "2027", "31.12.2027"]) {
      await refuses(with_(`{ id: CVE-1, reason: x, until: "${until}" }`), 9, /until must be a day/);
    }
  });

  test("is plain YAML without surprises", async () => {
    await refuses("version: 1\nrules: []\nrules: []\n", 3, /unique/i);
    await refuses("version: 1\nrules: !!js/function x\n", 2, /tag/i);
    await refuses("version: 1\nrules: [\n", 3, /flow|sequence|expected/i);
    await refuses(requiring("- labels: { team: 1 }"), 9, /team must be a text: write it in quotes/);
    await refuses("[]\n", 1, /the policy must be a mapping/);
    const aliases = `version: 1\nx-a: &a [1]\nx-b: [${Array(200).fill("*a").join(", ")}]\nrules: []\n`;
    await refuses(aliases, 3, /more than 100 aliases/);
    const large = Buffer.alloc(Limits.policy + 1, "#");
    await assert.rejects(parsePolicy(large), (error) => isOciError(error, "LIMIT_EXCEEDED"));
    await assert.rejects(parsePolicy(Buffer.from([0xff])), (error) => isOciError(error, "FILE_INVALID"));
  });

  test("finds wrong expressions when it is read", async () => {
    const where = (text: string): string => requiring(`- expression: { where: '${text}' }`);
    await refuses(where("imag.size > 1"), 9, /Unknown variable: imag/);
    await refuses(where("tags + 1 == 2"), 9, /overload/);
    await refuses(where("repository"), 9, /it is a string, expected a condition/);
    await refuses(where("image.size >"), 9, /the expression cannot be taken/);
    await refuses(where("nothing(image)"), 9, /nothing/);
    await refuses(where("predicate.x == 1"), 9, /Unknown variable: predicate/);
    await refuses(where(`repository == "${"a".repeat(Limits.expression)}"`), 9, /at most 4096/);
    await refuses(where(`${"(".repeat(300)}true${")".repeat(300)}`), 9, /the expression cannot be taken/);
    await refuses(where(`${"!".repeat(3000)}true`), 9, /the expression cannot be taken/);
    for (const pattern of ["(?i)a", "(?=a)", "\\\\1", "[[:alpha:]]", "\\\\pL", "("]) {
      await refuses(where(`repository.matches("${pattern}")`), 9, /the expression cannot be taken/);
    }
    await refuses(where("repository.matches(repository)"), 9, /a pattern that is written out/);
  });
});
