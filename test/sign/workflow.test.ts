import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Exit } from "../../src/error/code.ts";
import { readWorkflowFact } from "../../src/sign/certificate-workflow.ts";
import { WORKFLOW_FACTS, type WorkflowFact } from "../../src/sign/workflow.ts";
import { imageLayout, workFolder } from "../cli/fixture.ts";
import { inside, type RanInside } from "../cli/inside.ts";
import { ANN, certificateIn, sealed, signerOf } from "./keyless-scene.ts";
import { ISSUER, openServices, type SigstoreServices, tokenOf } from "./sigstore-services.ts";

/** A job of GitHub's, as its token tells of it. */
const JOB = {
  event_name: "push",
  sha: "0123456789abcdef0123456789abcdef01234567",
  workflow: "release",
  repository: "octo/app",
  ref: "refs/heads/main",
};
const TOLD: Readonly<Record<WorkflowFact, string>> = {
  trigger: JOB.event_name,
  sha: JOB.sha,
  name: JOB.workflow,
  repository: JOB.repository,
  ref: JOB.ref,
};

/** Fulcio's object identifiers as DER has them, but for their last byte. */
const FULCIO = Buffer.from("060a2b0601040183bf3001", "hex");
const RAW: Readonly<Record<WorkflowFact, number>> = { trigger: 2, sha: 3, name: 4, repository: 5, ref: 6 };
const ENCODED: Readonly<Partial<Record<WorkflowFact, number>>> = { trigger: 20, sha: 13, repository: 12, ref: 14 };
/** Nobody's. */
const UNUSED = 99;

describe("what a certificate tells of the job that signed", () => {
  const owned = new AsyncDisposableStack();
  let certificate: Buffer;
  let person: Buffer;
  before(async () => {
    const services = owned.use(await openServices());
    const of = async (claims: object): Promise<Buffer> =>
      certificateIn(await sealed(await signerOf(services, ANN, { claims }), Buffer.from("{}")));
    certificate = await of(JOB);
    person = await of({});
  });
  after(() => owned.disposeAsync());

  /** Where an extension's identifier ends. */
  function placeOf(bytes: Buffer, number: number): number {
    const at = bytes.indexOf(Buffer.concat([FULCIO, Buffer.of(number)]));
    assert.notEqual(at, -1);
    return at + FULCIO.length;
  }
  /** With another number in the place of an extension's. */
  function renumbered(from: number | undefined, to: number): Buffer {
    const copy = Buffer.from(certificate);
    copy[placeOf(copy, from ?? assert.fail())] = to;
    return copy;
  }
  /** With another text of the same length in an extension. */
  function retold(number: number | undefined, text: string, other: string): Buffer {
    const copy = Buffer.from(certificate);
    copy.write(other, copy.indexOf(text, placeOf(copy, number ?? assert.fail()), "latin1"), "latin1");
    return copy;
  }

  for (const fact of WORKFLOW_FACTS) {
    test(`${fact}: by both encodings, and nothing where it is not there`, () => {
      assert.equal(readWorkflowFact(certificate, fact), TOLD[fact]);
      assert.equal(readWorkflowFact(person, fact), undefined);
      const newer = ENCODED[fact];
      assert.equal(readWorkflowFact(renumbered(RAW[fact], UNUSED), fact), newer === undefined ? undefined : TOLD[fact]);
      if (newer === undefined) return;
      assert.equal(readWorkflowFact(renumbered(newer, UNUSED), fact), TOLD[fact]);
    });
  }

  for (const [what, make, fact, reason] of [
    ["two repositories", () => retold(RAW.repository, "octo/app", "evil/app"), "repository", /names two workflows/],
    ["two refs", () => retold(ENCODED.ref, "refs/heads/main", "refs/heads/evil"), "ref", /names two workflows/],
    ["a text of another type", () => retold(ENCODED.ref, "\x0c", "\x16"), "ref", /UTF8String/],
    ["what is no text", () => retold(RAW.ref, "refs", "\xff\xfe\xfd\xfc"), "ref", /must be UTF-8/],
    ["two extensions of a kind", () => renumbered(RAW.trigger, RAW.ref), "ref", /it has 2 extensions/],
    ["a repository over http", () => retold(ENCODED.repository, "https:", "ftp://"), "repository", /https URL/],
    ["a repository with a query", () => retold(ENCODED.repository, "octo/app", "octo/a?x"), "repository", /https URL/],
  ] as const) {
    test(`${what} is refused`, () => {
      assert.throws(() => readWorkflowFact(make(), fact), { code: "MANIFEST_INVALID", message: reason });
    });
  }
});

describe("--certificate-github-workflow-…", () => {
  const owned = new AsyncDisposableStack();
  let services: SigstoreServices;
  let cwd = "";
  const WHO = `--certificate-identity ${ANN} --certificate-oidc-issuer ${ISSUER} --trusted-root root.json`;
  const go = (line: string, claims: Record<string, unknown> = {}): Promise<RanInside> =>
    inside(line.split(" "), { cwd, env: { SIGSTORE_ID_TOKEN: tokenOf(ANN, claims) } });
  const ok = async (line: string, claims?: Record<string, unknown>): Promise<string> => {
    const { code, out, err } = await go(line, claims);
    assert.equal(code, 0, `${line}\n${out}\n${err}`);
    return out;
  };
  const options = (told: Partial<Record<WorkflowFact, string>>): string =>
    Object.entries(told)
      .map(([fact, value]) => `--certificate-github-workflow-${fact} ${value}`)
      .join(" ");

  before(async () => {
    services = owned.use(await openServices());
    cwd = owned.use(await workFolder()).path;
    await imageLayout(join(cwd, "job"), ["v1"]);
    await imageLayout(join(cwd, "person"), ["v1"]);
    await writeFile(join(cwd, "root.json"), services.rootBytes);
    await writeFile(join(cwd, "predicate.json"), "{}");
    const at = `--keyless --fulcio-url ${services.url} --rekor-url ${services.url}`;
    for (const [layout, claims] of [
      ["job", JOB],
      ["person", {}],
    ] as const) {
      await ok(`sign ocidir://${layout}:v1 ${at}`, claims);
      await ok(`attest ocidir://${layout}:v1 ${at} --type custom --predicate predicate.json`, claims);
    }
  });
  after(() => owned.disposeAsync());

  test("what is asked for has to be told, to the letter", async () => {
    for (const command of ["verify", "verify-attestation"]) {
      await ok(`${command} ocidir://job:v1 ${WHO} ${options(TOLD)}`);
      await ok(`${command} ocidir://person:v1 ${WHO}`);
      for (const fact of WORKFLOW_FACTS) {
        const told = TOLD[fact];
        for (const other of [`${told}x`, told.slice(0, -1), told.toUpperCase(), `.*`]) {
          const { code, out, err } = await go(
            `${command} ocidir://job:v1 ${WHO} ${options({ ...TOLD, [fact]: other })}`,
          );
          assert.equal(code, Exit.Unverified, `${command} ${fact} ${other}`);
          assert.ok(`${out}${err}`.includes(`its workflow ${fact} is "${told}", expected ${other}`), `${out}${err}`);
        }
        const { code, out, err } = await go(`${command} ocidir://person:v1 ${WHO} ${options({ [fact]: told })}`);
        assert.equal(code, Exit.Unverified);
        assert.ok(`${out}${err}`.includes(`its certificate tells no workflow ${fact}, expected "${told}"`), err);
      }
    }
  });

  test("signatures tells which ones are by such a job", async () => {
    const asked = `${WHO} ${options({ repository: "octo/app" })}`;
    assert.match(await ok(`signatures ocidir://job:v1 ${asked}`), /counts/);
    assert.doesNotMatch(await ok(`signatures ocidir://person:v1 ${asked}`), /counts/);
  });

  test("they go with an identity, with a text, and with no policy", async () => {
    for (const [line, message] of [
      [`verify ocidir://job:v1 --key x.pub ${options({ ref: "x" })}`, /with --certificate-github-workflow-ref/],
      [
        `verify ocidir://job:v1 ${WHO} --certificate-github-workflow-ref=`,
        /workflow ref to compare with, got an empty/,
      ],
      [
        `verify ocidir://job:v1 --policy p.yaml ${options({ sha: "x" })}`,
        /either --policy or --certificate-github-workflow-sha/,
      ],
      [
        "verify ocidir://job:v1 --policy p.yaml --certificate-oidc-issuer x",
        /either --policy or --certificate-oidc-issuer/,
      ],
    ] as const) {
      const { code, err } = await go(line);
      assert.equal(code, Exit.Usage, line);
      assert.match(err, message);
    }
  });

  test("a policy that asks for them in a wrong way is none", async () => {
    for (const [workflow, message] of [
      ["{}", /line 3: workflow says nothing/],
      ["{ branch: main }", /unknown key "branch" in workflow/],
      ["{ ref: '' }", /ref must be a text/],
      ["[main]", /line 3/],
    ] as const) {
      const identity = `{ issuer: "${ISSUER}", identity: ${ANN}, trustedRoot: root.json, workflow: ${workflow} }`;
      await writeFile(
        join(cwd, "wrong.yaml"),
        `version: 1\nidentities:\n  ci: { keyless: ${identity} }\nrules:\n  - { name: x, repositories: ["**"], require: [{ signature: { by: ci } }] }\n`,
      );
      const { code, err } = await go("policy check wrong.yaml");
      assert.equal(code, Exit.Usage, err);
      assert.match(err, message);
    }
  });
});
