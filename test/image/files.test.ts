import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { collect } from "../../src/bytes/collect.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { openImageFiles } from "../../src/image/cat.ts";
import { listImageFiles, listLayerFiles } from "../../src/image/image-files.ts";
import { pathFilter } from "../../src/image/path-filter.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import { decorate } from "../../src/store/decorate.ts";
import type { Digest } from "../../src/spec/digest.ts";
import { type ImageOptions, openImageOf, type Written } from "./layers.ts";

async function paths(layers: ImageOptions["layers"]): Promise<string[]> {
  const image = await openImageOf(createMemoryStore(), { layers });
  return (await listImageFiles(image)).map(({ path, linkPath }) =>
    linkPath === undefined ? path : `${path} -> ${linkPath}`,
  );
}

async function content(layers: ImageOptions["layers"], path: string): Promise<string> {
  const [file] = await openImageFiles(await openImageOf(createMemoryStore(), { layers }), [path]);
  assert.ok(file);
  return Buffer.from(await collect(file.bytes(), 1 << 20, "file")).toString();
}

const dir = (path: string): Written => ({ path, type: "directory" });
const link = (path: string, linkPath: string): Written => ({ path, type: "symlink", linkPath });

describe("files of an image", () => {
  test("layers are applied in order: whiteouts, opaque folders, replaced files and folders", async () => {
    const below = [
      dir("etc/"),
      { path: "etc/a", text: "1" },
      { path: "etc/b", text: "2" },
      dir("opt"),
      { path: "opt/x" },
    ];
    assert.deepEqual(await paths([below, [{ path: "etc/.wh.a" }, { path: "opt/.wh..wh..opq" }, { path: "opt/new" }]]), [
      "/etc",
      "/etc/b",
      "/opt",
      "/opt/new",
    ]);
    // Order inside a layer does not matter to what its whiteouts hide.
    assert.deepEqual(
      await paths([below, [{ path: "etc/a" }, { path: "etc/.wh.a" }, { path: "opt/n" }, { path: "opt/.wh..wh..opq" }]]),
      ["/etc", "/etc/a", "/etc/b", "/opt", "/opt/n"],
    );
    assert.deepEqual(await paths([below, [{ path: ".wh.etc" }, { path: "opt", text: "file now" }]]), ["/opt"]);
    assert.deepEqual(await paths([below, [{ path: ".wh..wh.plnk" }, dir("./")]]), [
      "/etc",
      "/etc/a",
      "/etc/b",
      "/opt",
      "/opt/x",
    ]);
  });

  test("links on the way to a path are followed inside the image, and never out of it", async () => {
    const layers = [
      [
        dir("usr/bin"),
        { path: "usr/bin/sh", text: "old" },
        link("bin", "usr/bin"),
        link("abs", "/usr/bin"),
        link("up", "../../../usr"),
      ],
      [{ path: "bin/sh", text: "new" }, { path: "up/made", text: "m" }, link("loop", "loop")],
    ];
    assert.deepEqual(await paths(layers), [
      "/abs -> /usr/bin",
      "/bin -> usr/bin",
      "/loop -> loop",
      "/up -> ../../../usr",
      "/usr/bin",
      "/usr/bin/sh",
      "/usr/made",
    ]);
    for (const path of ["/usr/bin/sh", "bin/sh", "abs/sh", "up/bin/sh", "/up/../usr/bin/./sh"])
      assert.equal(await content(layers, path), "new");
    await assert.rejects(content(layers, "/loop"), (error) => isOciError(error, "FILE_INVALID"));
  });

  test("a hard link is another name of a file, also when the first name goes", async () => {
    const layers = [[{ path: "a", text: "1", mode: 0o600 }, { path: "b", type: "hardlink", linkPath: "a" } as const]];
    assert.deepEqual(await paths(layers), ["/a", "/b -> /a"]);
    assert.equal(await content(layers, "b"), "1");
    assert.equal(await content([...layers, [{ path: ".wh.a" }]], "b"), "1");
    assert.equal(await content([...layers, [{ path: "a", text: "2" }]], "/b"), "1");
  });

  test("cat reads layers from the top, and none that it can do without", async () => {
    const store = createMemoryStore();
    const read: Digest[] = [];
    const image = await openImageOf(store, {
      layers: [
        [dir("etc"), { path: "etc/a", text: "1" }, { path: "etc/b" }],
        [dir("etc"), { path: "etc/a", text: "2" }],
        [{ path: "x" }],
      ],
    });
    const source = decorate(store, {
      fetch: (descriptor, options) => {
        read.push(descriptor.digest);
        return store.fetch(descriptor, options);
      },
    });
    const digests = image.manifest.layers.map(({ digest }) => digest);
    const [file] = await openImageFiles({ ...image, source }, ["/etc/a"]);
    assert.equal(
      Buffer.from(await collect(file?.bytes() ?? source.fetch(image.descriptor), 99, "file")).toString(),
      "2",
    );
    assert.deepEqual(read, [digests[2], digests[1]]);
    // Without its folder in the same layer, a link further down could give the path another meaning.
    const hidden = [
      [link("etc", "real"), dir("real"), { path: "real/a", text: "0" }],
      [{ path: "etc/a", text: "1" }],
      [{ path: "real/a", text: "2" }],
    ];
    assert.equal(await content(hidden, "/etc/a"), "2");
  });

  test("a whiteout of a file or of a folder above hides it from cat; folders and missing files are errors", async () => {
    const below = [dir("etc"), { path: "etc/a", text: "1" }];
    for (const above of [
      [{ path: "etc/.wh.a" }],
      [{ path: ".wh.etc" }],
      [{ path: "etc/.wh..wh..opq" }],
      [{ path: "etc" }],
    ]) {
      await assert.rejects(content([below, above], "etc/a"), (error) => isOciError(error, "FILE_INVALID"));
    }
    await assert.rejects(content([below], "etc"), /Expected a file at "etc", got a directory/);
  });

  test("a file larger than what is kept comes from a second reading", async () => {
    const text = "x".repeat(100);
    const image = await openImageOf(createMemoryStore(), { layers: [[{ path: "a", text }], [link("b", "a")]] });
    const [file, again] = await openImageFiles(image, ["/b", "/a"]);
    assert.equal(file?.entry.path, "a");
    assert.equal(Buffer.from(await collect(again?.bytes() ?? file.bytes(), 999, "file")).toString(), text);
  });

  test("one layer alone is listed as it stands", async () => {
    const image = await openImageOf(createMemoryStore(), {
      layers: [[{ path: "a" }], [{ path: "./.wh.a" }, { path: "d/.wh..wh..opq" }]],
    });
    assert.deepEqual(
      (await listLayerFiles(image, 1)).map(({ path, type }) => [path, type]),
      [
        ["/.wh.a", "whiteout"],
        ["/d/.wh..wh..opq", "opaque"],
      ],
    );
  });

  test("paths and patterns choose", () => {
    const chosen = (written: readonly string[], path: string): boolean => pathFilter(written)({ path });
    assert.deepEqual(
      [
        ["/etc"],
        ["etc/"],
        ["/et"],
        ["*.so"],
        ["**/*.so"],
        ["/usr/**/a?.so"],
        ["/usr/lib/[ab]*"],
        ["/usr/lib/[!ab]*"],
        [],
      ].map((each) => chosen(each, "/usr/lib/a1.so")),
      [false, false, false, false, true, true, true, false, true],
    );
    assert.ok(chosen(["etc"], "/etc/passwd"));
    assert.ok(!chosen(["/a.c"], "/abc"));
  });
});
