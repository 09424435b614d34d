import assert from "node:assert/strict";
import { chmod, lstat, mkdir, readFile, readdir, stat, symlink, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { packArtifact } from "../../src/artifact/pack.ts";
import { pullArtifact } from "../../src/artifact/pull.ts";
import type { Disk } from "../../src/disk/disk.ts";
import { nodeDisk } from "../../src/disk/node-disk.ts";
import { isOciError, OciError } from "../../src/error/oci-error.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import type { Store } from "../../src/store/store.ts";
import { blob, image, json, pushBlob, pushImage, pushManifest, index } from "../support/content.ts";
import { openScene, stores, treeOf } from "./scene.ts";

async function packed(store: Store, files: Readonly<Record<string, string>>): Promise<Descriptor> {
  const { descriptor } = await packArtifact({
    target: store,
    files: Object.entries(files).map(([title, text]) => ({ title, bytes: Buffer.from(text) })),
    artifactType: "application/vnd.example",
  });
  return descriptor;
}

for (const { name, open } of stores) {
  test(`${name}: files and folders come back as they were`, async () => {
    await using scene = await openScene();
    await scene.write({ "in/one.txt": "one", "in/tree/run.sh": "#!/bin/sh", "in/tree/deep/er/x": "x", "in/empty": "" });
    await chmod(scene.path("in/tree/run.sh"), 0o755);
    await mkdir(scene.path("in/tree/void"));
    await symlink("deep/er/x", scene.path("in/tree/link"));
    await using store = await open(scene);
    const titles = ["one.txt", "tree", "empty"];
    const files = titles.map((title) => ({ title: `out/${title}`, path: scene.path("in", title) }));
    const { descriptor } = await packArtifact({ target: store, files, artifactType: "a/b" });
    const pulled = await pullArtifact({ source: store, descriptor, output: scene.path("result") });
    assert.deepEqual(await treeOf(scene.path("result", "out")), await treeOf(scene.path("in")));
    assert.deepEqual(await readdir(scene.path("result")), ["out"]);
    assert.notEqual((await stat(scene.path("result/out/tree/run.sh"))).mode & 0o100, 0);
    assert.equal((await stat(scene.path("result/out/one.txt"))).mode & 0o111, 0);
    assert.deepEqual(
      pulled.files.map(({ title, folder, outcome }) => [title, folder, outcome]),
      [
        ["out/one.txt", false, "written"],
        ["out/tree", true, "written"],
        ["out/empty", false, "written"],
      ],
    );
    const again = await pullArtifact({ source: store, descriptor, output: scene.path("result") });
    assert.deepEqual(new Set(again.files.map(({ outcome }) => outcome)), new Set(["unchanged"]));
  });
}

test("a file that differs is kept, and nothing is written; with overwrite it is replaced", async () => {
  await using scene = await openScene();
  const store = createMemoryStore();
  const descriptor = await packed(store, { "a.txt": "new a", "b.txt": "new b", "c.txt": "same" });
  await scene.write({ "out/b.txt": "mine!", "out/c.txt": "same", "out/other": "o" });
  const before = await treeOf(scene.path("out"));
  await assert.rejects(
    pullArtifact({ source: store, descriptor, output: scene.path("out") }),
    (error) => isOciError(error, "CONFLICT") && error.message.includes('"b.txt"') && !error.message.includes("a.txt"),
  );
  assert.deepEqual(await treeOf(scene.path("out")), before);
  const { files } = await pullArtifact({ source: store, descriptor, output: scene.path("out"), overwrite: true });
  assert.deepEqual(await treeOf(scene.path("out")), {
    "a.txt": "new a",
    "b.txt": "new b",
    "c.txt": "same",
    other: "o",
  });
  assert.deepEqual(
    files.map(({ outcome }) => outcome),
    ["written", "written", "unchanged"],
  );
});

test("a folder that differs from one that is there is a conflict too, before anything lands", async () => {
  await using scene = await openScene();
  const store = createMemoryStore();
  await scene.write({ "in/tree/a": "a", "in/tree/b": "b" });
  const files = [
    { path: scene.path("in/tree"), title: "tree" },
    { bytes: Buffer.from("z"), title: "z" },
  ];
  const { descriptor } = await packArtifact({ target: store, files, artifactType: "a/b" });
  await scene.write({ "out/tree/b": "mine", "out/tree/c": "also mine" });
  const before = await treeOf(scene.path("out"));
  const options = { source: store, descriptor, output: scene.path("out") };
  await assert.rejects(
    pullArtifact(options),
    (error) => isOciError(error, "CONFLICT") && error.message.includes("tree/b"),
  );
  assert.deepEqual(await treeOf(scene.path("out")), before);
  await pullArtifact({ ...options, overwrite: true });
  assert.deepEqual(await treeOf(scene.path("out")), {
    "tree/": "",
    "tree/a": "a",
    "tree/b": "b",
    "tree/c": "also mine",
    z: "z",
  });
});

test("layers without a title are told and left out, or named by their digest", async () => {
  await using scene = await openScene();
  const store = createMemoryStore();
  const descriptor = await pushImage(store, image("plain"));
  const layer = blob("layer of plain").descriptor;
  const left: string[] = [];
  const onEvent = (event: { type: string }): void => void left.push(event.type);
  const { files, skipped } = await pullArtifact({ source: store, descriptor, output: scene.path("out"), onEvent });
  assert.deepEqual([files, skipped.map(({ digest }) => digest), left], [[], [layer.digest], ["untitled"]]);
  assert.deepEqual(await readdir(scene.root), [], "no directory is made for nothing");
  await pullArtifact({ source: store, descriptor, output: scene.path("out"), all: true });
  assert.deepEqual(await treeOf(scene.path("out")), { [layer.digest.replace(":", "-")]: "layer of plain" });
});

test("the dead artifact manifests are pulled like any other", async () => {
  for (const mediaType of [MediaType.OciArtifactManifest, MediaType.OrasArtifactManifest]) {
    await using scene = await openScene();
    const store = createMemoryStore();
    const file = blob("old");
    await pushBlob(store, file);
    const blobs = [{ ...file.descriptor, annotations: { "org.opencontainers.image.title": "old.txt" } }];
    const manifest = json({ mediaType, artifactType: "application/old", blobs }, mediaType);
    await pushManifest(store, manifest);
    const pulled = await pullArtifact({ source: store, descriptor: manifest.descriptor, output: scene.path("out") });
    assert.equal(pulled.artifactType, "application/old");
    assert.deepEqual(await treeOf(scene.path("out")), { "old.txt": "old" });
  }
});

test("an index is no artifact, and the error says what to do", async () => {
  await using scene = await openScene();
  const store = createMemoryStore();
  const list = index([await pushImage(store, image("child"))]);
  await pushManifest(store, list);
  await assert.rejects(
    pullArtifact({ source: store, descriptor: list.descriptor, output: scene.path("out") }),
    (error) => isOciError(error, "USAGE") && error.hint.includes("--platform"),
  );
});

test("a dry run tells what it would write, and writes nothing", async () => {
  await using scene = await openScene();
  const store = createMemoryStore();
  const descriptor = await packed(store, { a: "1", b: "2" });
  const options = { source: store, descriptor, output: scene.path("out"), dryRun: true };
  assert.deepEqual(
    (await pullArtifact(options)).files.map(({ outcome }) => outcome),
    ["written", "written"],
  );
  assert.deepEqual(await readdir(scene.root), []);
  await scene.write({ "out/a": "1" });
  assert.deepEqual(
    (await pullArtifact(options)).files.map(({ outcome }) => outcome),
    ["unchanged", "written"],
  );
  assert.deepEqual(await treeOf(scene.path("out")), { a: "1" });
});

test("wrong bytes, a cut stream or an abort leave nothing behind", async () => {
  const store = createMemoryStore();
  const descriptor = await packed(store, { a: "1", b: "two", c: "3" });
  const controller = new AbortController();
  const sources: Readonly<Record<string, () => AsyncIterable<Uint8Array>>> = {
    broken: async function* broken() {
      yield Buffer.from("t");
      throw new OciError("DIGEST_INVALID", "The content of sha256:… has another digest");
    },
    aborted: async function* aborted() {
      yield Buffer.from("t");
      controller.abort();
      controller.signal.throwIfAborted();
    },
  };
  for (const [name, bytes] of Object.entries(sources)) {
    await using scene = await openScene();
    await scene.write({ "out/mine": "mine" });
    const source = {
      fetch: (wanted: Descriptor, options?: object) => (wanted.size === 3 ? bytes() : store.fetch(wanted, options)),
    };
    for (const output of ["out", "fresh"]) {
      await assert.rejects(
        pullArtifact({ source, descriptor, output: scene.path(output), signal: controller.signal }),
        name,
      );
    }
    assert.deepEqual(await treeOf(scene.root), { "out/": "", "out/mine": "mine" }, name);
  }
});

test("whichever disk call fails, a file is whole or absent, and the next pull succeeds", async () => {
  const store = createMemoryStore();
  const contents = { "a/one": "1".repeat(5000), two: "2" };
  const descriptor = await packed(store, contents);
  let failing = 1;
  for (let reached = true; reached; failing += 1) {
    await using scene = await openScene();
    let calls = 0;
    reached = false;
    const count = (): void => {
      calls += 1;
      if (calls !== failing) return;
      reached = true;
      throw new OciError("NO_SPACE", "No space left");
    };
    const disk: Disk = {
      ...nodeDisk,
      open: async (...args) => {
        count();
        return nodeDisk.open(...args);
      },
      mkdir: async (...args) => {
        count();
        return nodeDisk.mkdir(...args);
      },
      link: async (...args) => {
        count();
        return nodeDisk.link(...args);
      },
      rename: async (...args) => {
        count();
        return nodeDisk.rename(...args);
      },
      syncDirectory: async (...args) => {
        count();
        return nodeDisk.syncDirectory(...args);
      },
    };
    const options = { source: store, descriptor, output: scene.path("out"), concurrency: 1 };
    const attempt = pullArtifact({ ...options, disk });
    if (failing === 1) await assert.rejects(attempt, (error) => isOciError(error, "NO_SPACE"));
    await attempt.catch((error: unknown) => {
      if (!isOciError(error, "NO_SPACE")) throw error;
    });
    const left = await treeOf(scene.root);
    for (const [path, content] of Object.entries(left)) {
      if (path.endsWith("/")) assert.ok(!path.includes(".berth-"), path);
      else
        assert.equal(
          content,
          contents[path.slice("out/".length) as keyof typeof contents],
          `${path} at call ${failing}`,
        );
    }
    await pullArtifact(options);
    assert.equal(await readFile(scene.path("out/a/one"), "utf8"), contents["a/one"]);
  }
  assert.ok(failing > 8, `only ${failing} calls failed`);
});

test("a file's content is durable before it has its name, and the name before the pull ends", async () => {
  await using scene = await openScene();
  const store = createMemoryStore();
  const descriptor = await packed(store, { "dir/a": "1" });
  const calls: string[] = [];
  const disk: Disk = {
    ...nodeDisk,
    open: async (path, mode) => {
      const file = await nodeDisk.open(path, mode);
      if (file === undefined) return undefined;
      const datasync = file.datasync.bind(file);
      file.datasync = async () => {
        calls.push("datasync");
        await datasync();
      };
      return file;
    },
    link: async (source, target) => {
      calls.push("link");
      return nodeDisk.link(source, target);
    },
    syncDirectory: async (path) => {
      calls.push(`sync ${path.slice(scene.root.length)}`);
      await nodeDisk.syncDirectory(path);
    },
  };
  await pullArtifact({ source: store, descriptor, output: scene.path("out"), disk });
  assert.deepEqual(calls, ["sync ", "datasync", "link", "sync /out", "sync /out/dir"]);
});

test("an output directory may be a link itself, and a file in its place is one error", async () => {
  await using scene = await openScene();
  const store = createMemoryStore();
  const descriptor = await packed(store, { a: "1" });
  await mkdir(scene.path("real"));
  await symlink("real", scene.path("link"));
  await pullArtifact({ source: store, descriptor, output: scene.path("link") });
  assert.deepEqual(await treeOf(scene.path("real")), { a: "1" });
  assert.ok((await lstat(scene.path("link"))).isSymbolicLink());
  await writeFile(scene.path("file"), "");
  await assert.rejects(pullArtifact({ source: store, descriptor, output: scene.path("file") }), (error) =>
    isOciError(error, "FILE_INVALID"),
  );
});
