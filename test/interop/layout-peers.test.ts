import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { collect } from "../../src/bytes/collect.ts";
import { fsckLayout } from "../../src/layout/fsck.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { Limits } from "../../src/spec/limits.ts";
import type { Store } from "../../src/store/store.ts";
import { successors } from "../../src/store/successors.ts";
import { image, index, pushImage, pushManifest, toArray } from "../support/content.ts";
import { missing } from "../support/docker-registry.ts";

const TYPE = "application/x.sbom";

function run(program: string, args: readonly string[], cwd: string): string {
  return execFileSync(program, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** Moves an image with what it names from one layout to another, and tags it. */
async function move(source: Store, target: Store, tag: string): Promise<Descriptor> {
  const descriptor = await source.resolve({ tag });
  const bytes = await collect(source.fetch(descriptor), Limits.manifest, "manifest");
  for (const edge of successors(descriptor, bytes)) {
    await target.push(edge.descriptor, () => source.fetch(edge.descriptor, { kind: "blob" }), { kind: "blob" });
  }
  await target.push(descriptor, () => source.fetch(descriptor), { kind: "manifest", tags: [tag] });
  return descriptor;
}

async function digestsOf(path: string, subject: Descriptor): Promise<[string, string | undefined][]> {
  const store = await openLayout(path, { readOnly: true });
  const found = await toArray(store.referrers(subject));
  return found.map(({ descriptor, via }) => [via, descriptor.artifactType]);
}

describe("layouts and their other readers and writers", () => {
  const skip = missing("umoci");
  let base: string;
  /** Written by umoci alone. */
  let theirs: string;
  /** The same image, written by us. */
  let ours: string;
  let subject: Descriptor;

  before(async () => {
    if (skip) return;
    base = await mkdtemp(join(tmpdir(), "berth-interop-"));
    theirs = join(base, "theirs");
    ours = join(base, "ours");
    await writeFile(join(base, "sbom.json"), '{"bomFormat":"CycloneDX"}');
    run("umoci", ["init", "--layout", "theirs"], base);
    run("umoci", ["new", "--image", "theirs:v1"], base);
    run("umoci", ["insert", "--rootless", "--image", "theirs:v1", "sbom.json", "/sbom.json"], base);
    subject = await move(await openLayout(theirs), await openLayout(ours, { create: true }), "v1");
    await pushImage(await openLayout(ours), image("second"), ["v2"]);
  });
  after(async () => {
    if (!skip) await rm(base, { recursive: true });
  });

  test("what umoci wrote is read and clean", { skip }, async () => {
    const store = await openLayout(theirs, { readOnly: true });
    assert.deepEqual(
      (await toArray(store.tags())).map((tag) => tag.name),
      ["v1"],
    );
    const { clean, findings } = await fsckLayout(theirs);
    assert.equal(clean, true, JSON.stringify(findings));
  });

  test("an index that umoci left empty is read, and written to", { skip }, async () => {
    run("umoci", ["init", "--layout", "empty"], base);
    const store = await openLayout(join(base, "empty"));
    assert.deepEqual(await toArray(store.tags()), []);
    await pushImage(store, image("first"), ["v1"]);
    assert.equal(run("umoci", ["ls", "--layout", "empty"], base), "v1\n");
  });

  test("umoci reads ours, and what it adds leaves ours in place", { skip }, async () => {
    assert.deepEqual(run("umoci", ["ls", "--layout", "ours"], base).trim().split("\n").toSorted(), ["v1", "v2"]);
    assert.match(run("umoci", ["stat", "--image", "ours:v1"], base), /LAYER/);
    run("umoci", ["tag", "--image", "ours:v1", "v3"], base);
    const store = await openLayout(ours);
    assert.deepEqual(
      (await toArray(store.tags())).map((tag) => tag.name),
      ["v1", "v2", "v3"],
    );
    assert.equal((await store.resolve({ tag: "v3" })).digest, subject.digest);
    await store.update([{ tag: "v3", to: null }]);
    assert.deepEqual(run("umoci", ["ls", "--layout", "ours"], base).trim().split("\n").toSorted(), ["v1", "v2"]);
  });

  test("skopeo reads ours and writes what we read", { skip: skip || missing("skopeo") }, async () => {
    const seen = JSON.parse(run("skopeo", ["inspect", "oci:ours:v1"], base)) as { Digest: string };
    assert.equal(seen.Digest, subject.digest);
    run("skopeo", ["copy", "-q", "oci:ours:v1", "oci:skopeo:docker.io/library/thing:v1"], base);
    const store = await openLayout(join(base, "skopeo"));
    assert.equal((await store.resolve({ tag: "v1" })).digest, subject.digest);
    assert.equal((await store.resolve({ tag: "docker.io/library/thing:v1" })).digest, subject.digest);
    const { clean, findings } = await fsckLayout(join(base, "skopeo"));
    assert.equal(clean, true, JSON.stringify(findings));
    // A moved tag keeps the spelling that skopeo gave it.
    const moved = await pushImage(store, image("moved"));
    await store.update([{ tag: "v1", to: moved }]);
    const again = JSON.parse(run("skopeo", ["inspect", "oci:skopeo:docker.io/library/thing:v1"], base)) as {
      Digest: string;
    };
    assert.equal(again.Digest, moved.digest);
  });

  test("skopeo reads a platform out of an index of ours", { skip: skip || missing("skopeo") }, async () => {
    const store = await openLayout(join(base, "platforms"), { create: true });
    await move(await openLayout(theirs), store, "v1");
    const list = index([{ ...subject, platform: { os: "linux", architecture: "amd64" } }]);
    await pushManifest(store, list, ["all"]);
    run(
      "skopeo",
      ["copy", "-q", "--override-arch", "amd64", "--override-os", "linux", "oci:platforms:all", "oci:one:all"],
      base,
    );
    assert.equal((await (await openLayout(join(base, "one"))).resolve({ tag: "all" })).digest, subject.digest);
  });

  test("buildah pulls ours", { skip: skip || missing("buildah") }, async (t) => {
    const storage = ["--root", join(base, "storage"), "--runroot", join(base, "run"), "--storage-driver", "vfs"];
    const id = run("buildah", [...storage, "pull", "-q", "--policy", "always", "oci:ours:v1"], base).trim();
    assert.match(id, /^[0-9a-f]{64}$/);
    run("buildah", [...storage, "push", "-q", id, "oci:buildah:v9"], base);
    run("buildah", [...storage, "rmi", id], base);
    const { clean, findings, tags } = await fsckLayout(join(base, "buildah"));
    assert.equal(clean, true, JSON.stringify(findings));
    assert.equal(tags, 1);
    t.diagnostic(`pulled ${id.slice(0, 12)}`);
  });

  describe("referrers", () => {
    const noOras = skip || missing("oras", "see https://oras.land/docs/installation");
    const noRegctl = skip || missing("regctl", "see https://regclient.org/install");

    const orasAttach = (layout: string): string =>
      run(
        "oras",
        ["attach", "--oci-layout", `${layout}:v1`, "--artifact-type", TYPE, "sbom.json:application/json"],
        base,
      );
    const regctlPut = (layout: string, type: string): string =>
      run(
        "regctl",
        ["artifact", "put", "--subject", `ocidir://${layout}:v1`, "--artifact-type", type, "-f", "sbom.json"],
        base,
      );
    const orasSees = (layout: string): string[] => {
      const text = run("oras", ["discover", "--oci-layout", "--format", "json", `${layout}:v1`], base);
      const answer = JSON.parse(text) as { referrers?: { artifactType: string }[] };
      return (answer.referrers ?? []).map((item) => item.artifactType).toSorted();
    };
    const regctlSees = (layout: string): string[] => {
      const text = run("regctl", ["artifact", "list", `ocidir://${layout}:v1`, "--format", "{{jsonPretty .}}"], base);
      const answer = JSON.parse(text) as { descriptors?: { artifactType: string }[] | null };
      return (answer.descriptors ?? []).map((item) => item.artifactType).toSorted();
    };

    test("that oras attached are found", { skip: noOras }, async () => {
      await cp(theirs, join(base, "oras"), { recursive: true });
      orasAttach("oras");
      assert.deepEqual(await digestsOf(join(base, "oras"), subject), [["index-entry", TYPE]]);
    });

    test("that regctl put are found", { skip: noRegctl }, async () => {
      await cp(theirs, join(base, "regctl"), { recursive: true });
      regctlPut("regctl", TYPE);
      assert.deepEqual(await digestsOf(join(base, "regctl"), subject), [["fallback-tag", TYPE]]);
      assert.deepEqual(
        (await toArray((await openLayout(join(base, "regctl"))).tags())).map((tag) => tag.name),
        ["v1"],
      );
    });

    test(
      "of ours are found by oras and regctl, and theirs beside them by us",
      { skip: noOras || noRegctl },
      async () => {
        const path = join(base, "mixed");
        await cp(ours, path, { recursive: true });
        const store = await openLayout(path);
        await pushImage(store, image("ours", { subject, artifactType: "application/x.ours" }));
        assert.deepEqual(orasSees("mixed"), ["application/x.ours"]);
        assert.deepEqual(regctlSees("mixed"), ["application/x.ours"]);
        orasAttach("mixed");
        regctlPut("mixed", "application/x.regctl");
        await pushImage(store, image("ours again", { subject, artifactType: "application/x.ours2" }));
        const all = (await digestsOf(path, subject)).map(([, type]) => type).toSorted();
        assert.deepEqual(all, ["application/x.ours", "application/x.ours2", "application/x.regctl", TYPE]);
        // regctl looks only where it wrote, oras only where it wrote: each finds its own and ours.
        assert.deepEqual(regctlSees("mixed"), ["application/x.ours", "application/x.ours2", "application/x.regctl"]);
        const { clean, findings } = await fsckLayout(path);
        assert.equal(clean, true, JSON.stringify(findings));
      },
    );

    test("of ours that were deleted are gone for oras and regctl", { skip: noOras || noRegctl }, async () => {
      const path = join(base, "deleted");
      await cp(ours, path, { recursive: true });
      const store = await openLayout(path);
      const gone = await pushImage(store, image("gone", { subject, artifactType: "application/x.gone" }));
      await pushImage(store, image("kept", { subject, artifactType: "application/x.kept" }));
      await store.delete?.(gone, { kind: "manifest" });
      assert.deepEqual(orasSees("deleted"), ["application/x.kept"]);
      assert.deepEqual(regctlSees("deleted"), ["application/x.kept"]);
    });
  });
});
