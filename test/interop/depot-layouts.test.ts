import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Depot } from "../../src/depot/depot.ts";
import { openDepot } from "../../src/depot/open-depot.ts";
import { fsckLayout } from "../../src/layout/fsck.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { serve, type RunningServer } from "../../src/server/serve.ts";
import type { Store } from "../../src/store/store.ts";
import { becomes, eventually, tagsOf } from "../depot/follow-scene.ts";
import { image, pushImage, toArray } from "../support/content.ts";
import { missing } from "../support/docker-registry.ts";

const TYPE = "application/x.sbom";

/** Tools that work on the layouts of a depot while it is served: each reads what was pushed, and writes beside the server. */
describe("the layouts of a depot that is served, and other tools", () => {
  const skip = missing("umoci");
  const noSkopeo = skip || missing("skopeo");
  const noOras = skip || missing("oras", "see https://oras.land/docs/installation");
  const noRegctl = skip || missing("regctl", "see https://regclient.org/install");
  let root: string;
  let depot: Depot;
  let server: RunningServer;
  let store: Store;
  let subject: Descriptor;

  const run = (program: string, ...args: string[]): string =>
    execFileSync(program, args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  const attach = (type: string): Promise<Descriptor> => pushImage(store, image(type, { subject, artifactType: type }));
  const found = async (): Promise<(string | undefined)[]> =>
    (await toArray(store.referrers(subject))).map(({ descriptor }) => descriptor.artifactType).toSorted();

  before(async () => {
    if (skip) return;
    root = await mkdtemp(join(tmpdir(), "berth-depot-peers-"));
    await writeFile(join(root, "sbom.json"), "{}");
    run("umoci", "init", "--layout", "org-app");
    run("umoci", "new", "--image", "org-app:v1");
    depot = await openDepot(root);
    server = await serve({ registry: depot });
    store = await depot.repository("org-app");
    subject = await store.resolve({ tag: "v1" });
  });
  after(async () => {
    if (skip) return;
    await server.close();
    await depot[Symbol.asyncDispose]();
    await rm(root, { recursive: true });
  });

  test("umoci lists what was pushed, and a tag that it adds is served", { skip }, async () => {
    await store.update([{ tag: "pushed", to: subject }]);
    await depot.settle();
    assert.deepEqual(run("umoci", "ls", "--layout", "org-app").trim().split("\n").toSorted(), ["pushed", "v1"]);
    run("umoci", "tag", "--image", "org-app:v1", "umoci");
    await becomes(store, "umoci", subject.digest);
    const answer = await fetch(new URL("/v2/org-app/manifests/umoci", server.url), { method: "HEAD" });
    assert.equal(answer.headers.get("docker-content-digest"), subject.digest);
    run("umoci", "new", "--image", "org-app:fresh");
    run("umoci", "config", "--image", "org-app:fresh", "--tag", "configured", "--config.user", "1000");
    await eventually(async () =>
      assert.deepEqual(await tagsOf(store), ["configured", "fresh", "pushed", "umoci", "v1"]),
    );
  });

  test("skopeo copies out of and into a repository", { skip: noSkopeo }, async () => {
    await depot.settle();
    run("skopeo", "copy", "-q", "oci:org-app:configured", "oci:org-app:skopeo");
    const { digest } = await store.resolve({ tag: "configured" });
    await becomes(store, "skopeo", digest);
    run("skopeo", "copy", "-q", "oci:org-app:v1", "oci:org-app:skopeo");
    await becomes(store, "skopeo", subject.digest);
    await mkdir(join(root, "laid"));
    run("skopeo", "copy", "-q", "oci:org-app:v1", "oci:laid/beside:docker.io/library/thing:v9");
    assert.equal(await depot.has("laid/beside"), true);
    assert.deepEqual(await tagsOf(await depot.repository("laid/beside")), ["v9"]);
    const answer = await fetch(new URL("/v2/laid/beside/manifests/v9", server.url), { method: "HEAD" });
    assert.equal(answer.headers.get("docker-content-digest"), subject.digest);
  });

  test("a tag that was moved by a push while skopeo had read the layout stays moved", { skip: noSkopeo }, async () => {
    const moved = await pushImage(store, image("moved"), ["pushed"]);
    await depot.settle();
    run("skopeo", "copy", "-q", "oci:org-app:v1", "oci:org-app:late");
    await becomes(store, "late", subject.digest);
    assert.equal((await store.resolve({ tag: "pushed" })).digest, moved.digest);
  });

  test("oras sees what hangs on an image, and what it attaches is listed", { skip: noOras }, async () => {
    await attach("application/x.pushed");
    await depot.settle();
    const seen = (): string[] => {
      const text = run("oras", "discover", "--oci-layout", "--format", "json", "org-app:v1");
      const { referrers = [] } = JSON.parse(text) as { referrers?: { artifactType: string }[] };
      return referrers.map(({ artifactType }) => artifactType).toSorted();
    };
    assert.deepEqual(seen(), ["application/x.pushed"]);
    run("oras", "attach", "--oci-layout", "org-app:v1", "--artifact-type", TYPE, "sbom.json:application/json");
    await eventually(async () => assert.deepEqual(await found(), ["application/x.pushed", TYPE]));
    await attach("application/x.more");
    await depot.settle();
    assert.deepEqual(seen(), ["application/x.more", "application/x.pushed", TYPE]);
  });

  test("regctl sees what hangs on an image, and what it puts there is listed", { skip: noRegctl }, async () => {
    const before = await found();
    await attach("application/x.for-regctl");
    await depot.settle();
    const seen = (): string[] => {
      const text = run("regctl", "artifact", "list", "ocidir://org-app:v1", "--format", "{{jsonPretty .}}");
      const { descriptors } = JSON.parse(text) as { descriptors?: { artifactType: string }[] | null };
      return (descriptors ?? []).map(({ artifactType }) => artifactType).toSorted();
    };
    assert.deepEqual(seen(), [...before, "application/x.for-regctl"].toSorted());
    run(
      "regctl",
      "artifact",
      "put",
      "--subject",
      "ocidir://org-app:v1",
      "--artifact-type",
      "application/x.regctl",
      "-f",
      "sbom.json",
    );
    const all = [...before, "application/x.for-regctl", "application/x.regctl"].toSorted();
    await eventually(async () => assert.deepEqual(await found(), all));
    await attach("application/x.last");
    await depot.settle();
    assert.deepEqual(seen(), [...all, "application/x.last"].toSorted());
    run("regctl", "image", "copy", "ocidir://org-app:v1", "ocidir://org-app:regctl");
    await becomes(store, "regctl", subject.digest);
    // It collects garbage in layouts that it has written to: what is served is listed, so it stays.
    for await (const { name, descriptor } of store.tags()) {
      assert.ok(descriptor && (await store.exists(descriptor)), name);
    }
  });

  test("and in the end the layouts are clean", { skip }, async () => {
    await depot.settle();
    for (const path of ["org-app", ...(noSkopeo ? [] : ["laid/beside"])]) {
      const { findings } = await fsckLayout(join(root, path));
      assert.deepEqual(
        findings.filter(({ severity }) => severity !== "note"),
        [],
        path,
      );
    }
  });
});
