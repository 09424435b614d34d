import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { Ending } from "../../src/cli/ending.ts";
import { Output } from "../../src/cli/output.ts";
import { layerTar, legacySave } from "../archive/saved.ts";
import { entriesOf, namesIn, tarOf } from "../archive/scene.ts";
import { shellCommand } from "./berth.ts";
import { workFolder } from "./fixture.ts";
import { inside } from "./inside.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const execute = promisify(execFile);

/** A work folder with a layout that has an image of one file, and an SBOM on it. */
async function work(): Promise<{ readonly cwd: string } & AsyncDisposable> {
  const folder = await workFolder();
  const cwd = folder.path;
  await mkdir(join(cwd, "files"));
  await writeFile(join(cwd, "files/a"), "hello");
  await writeFile(join(cwd, "app.cdx.json"), "[]");
  await works(cwd, "image create ocidir://img:v1 --layer files:/");
  await works(cwd, "attach ocidir://img:v1 app.cdx.json --artifact-type application/vnd.cyclonedx+json");
  return { cwd, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

/** Runs a command line that has to work, and gives what it printed. */
async function works(cwd: string, line: string, input: string | Uint8Array = ""): Promise<string> {
  const { code, out, err } = await inside(line.split(" "), { cwd, input });
  assert.equal(code, 0, `${line}: ${err}`);
  return out;
}

async function fails(cwd: string, line: string, said: RegExp, input: string | Uint8Array = ""): Promise<void> {
  const { code, err, out } = await inside(line.split(" "), { cwd, input });
  assert.notEqual(code, 0, `${line}: ${out}`);
  assert.match(err, said);
}

describe("commands on archives", () => {
  for (const name of ["a.tar", "a.tar.gz", "a.tar.zst"]) {
    test(`${name}: read, written and changed like a layout, with nothing left beside it`, async () => {
      await using at = await work();
      const { cwd } = at;
      const digest = (await works(cwd, "digest ocidir://img:v1")).trim();
      const before = await namesIn(cwd);
      assert.match(await works(cwd, `copy ocidir://img:v1 ./${name}`), new RegExp(`^${digest}\n6 copied`));
      assert.match(await works(cwd, `copy ocidir://img:v1 ./${name}`), /Nothing to copy/);
      await works(cwd, `copy ocidir://img:v1 ./${name}:dry --dry-run`);
      assert.equal(await works(cwd, `tag ls oci-archive:${name}`), "v1\n");
      await works(cwd, `tag add ./${name}:v1 v2 v3`);
      await works(cwd, `tag rm ./${name}:v3`);
      await works(cwd, `attach ./${name}:v2 app.cdx.json:a/b --artifact-type application/x-test`);
      const tree = await works(cwd, `discover ./${name}@${digest}`);
      for (const type of ["application/vnd.cyclonedx+json", "application/x-test"]) assert.ok(tree.includes(type), tree);
      assert.match(await works(cwd, `image inspect ./${name}:v1`), /linux\//);
      await works(cwd, `image mod ./${name}:v1 --label a=b --tag v4`);
      await works(cwd, `push ./${name}:files app.cdx.json`);
      await works(cwd, `pull ./${name}:files -o pulled`);
      const manifest = await works(cwd, `manifest get ./${name}:files`);
      await works(cwd, `manifest put ./${name}:again -`, manifest);
      const blob = (await works(cwd, `blob put ./${name} -`, "some content")).trim();
      assert.equal(await works(cwd, `blob get ./${name}@${blob}`), "some content");
      await works(cwd, `blob rm ./${name}@${blob}`);
      await works(cwd, `image create ./${name}:made --layer files:/`);
      await works(cwd, `copy ./${name}:v1 ./${name}:v5`);
      assert.equal(await works(cwd, `tag ls ./${name}`), "again\nfiles\nmade\nv1\nv2\nv4\nv5\n");
      assert.deepEqual(await namesIn(cwd), [...before, name, "pulled"].toSorted());
    });
  }

  test("a docker archive is read by tag and digest, and refuses every change in one sentence", async () => {
    await using at = await work();
    const { cwd } = at;
    await works(cwd, "copy ocidir://img:v1 docker-archive:d.tar:me/app:v1");
    const digest = (await works(cwd, "digest docker-archive:d.tar:me/app:v1")).trim();
    assert.equal((await works(cwd, "digest ./d.tar:v1")).trim(), digest);
    await works(cwd, "copy docker-archive:d.tar ocidir://out");
    assert.equal(await works(cwd, "tag ls ocidir://out"), "v1\n");
    await works(cwd, `manifest get ./d.tar@${digest}`);
    const before = await readFile(join(cwd, "d.tar"));
    for (const line of [
      "attach ./d.tar:v1 app.cdx.json --artifact-type a/b",
      "tag add docker-archive:d.tar:me/app:v1 v2",
      "tag rm ./d.tar:v1",
      `manifest rm ./d.tar@${digest}`,
      "copy ocidir://img:v1 ./d.tar:v3",
    ]) {
      await fails(cwd, line, /Nothing can be attached to or changed in the docker archive/);
    }
    assert.deepEqual(await readFile(join(cwd, "d.tar")), before);
  });

  test("export writes one tar that is a layout and Docker's, import takes it and others", async () => {
    await using at = await work();
    const { cwd } = at;
    const digest = (await works(cwd, "digest ocidir://img:v1")).trim();
    await works(cwd, "export ocidir://img:v1 e.tar --name app:v9 --dry-run");
    assert.equal((await namesIn(cwd)).includes("e.tar"), false);
    await writeFile(join(cwd, "e.tar"), "something else");
    await works(cwd, "export ocidir://img:v1 e.tar --name app:v9");
    const entries = await entriesOf(join(cwd, "e.tar"));
    const [listed] = JSON.parse(entries.get("manifest.json")?.toString() ?? "") as {
      Config: string;
      RepoTags: string[];
      Layers: string[];
    }[];
    assert.deepEqual(listed?.RepoTags, ["app:v9"]);
    for (const path of [listed.Config, ...listed.Layers]) assert.ok(entries.has(path), path);
    assert.match(
      entries.get("index.json")?.toString() ?? "",
      /"io.containerd.image.name":"docker.io\/library\/app:v9"/,
    );
    assert.equal((await works(cwd, "import e.tar ocidir://back")).split("\n")[0], digest);
    assert.match(await works(cwd, "discover ocidir://back:v9"), /cyclonedx/);
    const saved = await tarOf(
      legacySave([
        { names: ["one:a"], layers: [await layerTar("one")] },
        { names: ["two:b"], layers: [await layerTar("two")] },
      ]),
    );
    await works(cwd, "import - ocidir://both", gzipSync(saved));
    assert.equal(await works(cwd, "tag ls ocidir://both"), "a\nb\n");
    await works(cwd, "import - ocidir://named:x --name two:b", saved);
    assert.equal(await works(cwd, "tag ls ocidir://named"), "x\n");
    await fails(cwd, "import - ocidir://which:x", /There are 2 images in .*say which one/, saved);
    const dry = await works(cwd, "import - ocidir://dry:x --name a --dry-run --json", saved);
    assert.equal((JSON.parse(dry) as { dryRun: boolean }).dryRun, true);
    assert.equal((await namesIn(cwd)).includes("dry"), false);
  });

  test("the only thing in an archive needs no name, as buildx writes it without one", async () => {
    await using at = await work();
    const { cwd } = at;
    const digest = (await works(cwd, "digest ocidir://img:v1")).trim();
    await works(cwd, `export ocidir://img@${digest} plain.tar`);
    assert.equal((await works(cwd, "digest ./plain.tar")).trim(), digest);
    await works(cwd, "import plain.tar ocidir://imported:x");
    assert.match(await works(cwd, "discover ocidir://imported:x"), /cyclonedx/);
    await works(cwd, "attach ./plain.tar app.cdx.json:a/b --artifact-type application/x-test");
    await works(cwd, "blob put ./plain.tar files/a");
    assert.match(await works(cwd, "discover ./plain.tar"), /x-test/);
    await works(cwd, "tag add ./plain.tar v9");
    assert.equal(await works(cwd, "tag ls ./plain.tar"), "v9\n");
  });

  test("of an index, a docker archive gets the image of this machine alone", async () => {
    await using at = await work();
    const { cwd } = at;
    const own = process.arch === "arm64" ? "arm64" : "amd64";
    const layers = ["amd64", "arm64", "s390x"].map((name) => `--layer linux/${name}=files:/`).join(" ");
    await works(cwd, `image create ocidir://many:v1 ${layers}`);
    const out = await works(cwd, "copy ocidir://many:v1 docker-archive:d.tar:app:v1");
    assert.match(out, /\n3 copied/);
    assert.match(await works(cwd, "image inspect ./d.tar"), new RegExp(`linux/${own}`));
    await works(cwd, "copy ocidir://many:v1 docker-archive:other.tar:app:v1 --platform linux/s390x");
    assert.match(await works(cwd, "image inspect ./other.tar"), /linux\/s390x/);
    await works(cwd, "image create ocidir://none:v1 --layer linux/s390x=files:/ --layer linux/riscv64=files:/");
    await fails(
      cwd,
      "copy ocidir://none:v1 docker-archive:none.tar:app:v1",
      /has nothing for linux\/.*it has linux\/s390x/,
    );
    assert.equal((await namesIn(cwd)).includes("none.tar"), false);
  });

  test("what is attached is left behind in a docker archive, and that is said", async () => {
    await using at = await work();
    const { code, err } = await inside(["copy", "ocidir://img:v1", "docker-archive:d.tar:app:v1"], { cwd: at.cwd });
    assert.equal(code, 0, err);
    assert.match(err, /warning: A docker archive cannot hold what hangs on its images: left behind 1/);
  });
});

describe("- as an archive", () => {
  test("standard output carries the archive alone, standard input takes it", async () => {
    await using at = await work();
    const { cwd } = at;
    const digest = (await works(cwd, "digest ocidir://img:v1")).trim();
    const script = `${shellCommand} copy ocidir://img:v1 oci-archive:- 2>told | ${shellCommand} copy oci-archive:- ocidir://out:new`;
    const { stdout } = await execute("sh", ["-c", script], { cwd });
    assert.match(stdout, new RegExp(`^${digest}\n`));
    assert.match(await readFile(join(cwd, "told"), "utf8"), new RegExp(`^${digest}\n6 copied`));
    assert.equal((await works(cwd, "digest ocidir://out:new")).trim(), digest);
  });

  test("cannot be changed in place, nor be a password as well", async () => {
    await using at = await work();
    await fails(at.cwd, "tag add oci-archive:-:v1 v2", /Standard input cannot be changed/);
    await fails(at.cwd, "attach oci-archive:-:v1 app.cdx.json --artifact-type a/b", /Standard input cannot be changed/);
    await fails(
      at.cwd,
      "copy oci-archive:-:v1 localhost:1/app -u me --password-stdin",
      /Standard input cannot be both a password and an archive/,
    );
  });

  test("interrupted, nothing of it stays", async () => {
    await using at = await work();
    const { cwd } = at;
    await mkdir(join(cwd, "tmp"));
    const before = await namesIn(cwd);
    for (const line of [
      ["copy", "oci-archive:-", "ocidir://out:x"],
      ["blob", "put", "./new.tar", "-"],
    ]) {
      const child = spawn(process.execPath, [MAIN, ...line], {
        cwd,
        env: { PATH: process.env["PATH"] ?? "", TMPDIR: join(cwd, "tmp") },
      });
      child.stdin.on("error", () => undefined);
      child.stdin.write(Buffer.alloc(3_000_000, 1));
      // The copy's file has no name; that of the blob is there when its folder is.
      for (let waited = 0; line[0] === "blob" && waited < 200; waited += 1) {
        if ((await namesIn(cwd)).some((name) => name.endsWith(".stage"))) break;
        await sleep(50);
      }
      if (line[0] === "copy") await sleep(1500);
      child.kill("SIGINT");
      child.stdin.end();
      const [code] = (await once(child, "close")) as [number | null];
      assert.equal(code, 130, line.join(" "));
      assert.deepEqual(await namesIn(cwd), before);
      assert.deepEqual(await namesIn(join(cwd, "tmp")), []);
    }
  });
});

test("what is printed about an archive is only shown when it is written", async () => {
  const written: string[] = [];
  const sink = {
    write(chunk: string | Uint8Array, done: () => void): boolean {
      written.push(Buffer.from(chunk).toString());
      done();
      return true;
    },
  };
  const signal = new AbortController().signal;
  for (const failing of ["command", "commit", undefined] as const) {
    const out = new Output(sink, { json: false, color: false });
    await using ending = new Ending();
    ending.add({
      finish: async () => {
        written.push("commit;");
        if (failing === "commit") throw new Error("full");
      },
      [Symbol.asyncDispose]: async () => undefined,
    });
    const ran = ending.run(
      async () => {
        out.hold();
        out.result({}, ["result"]);
        if (failing === "command") throw new Error("failed");
      },
      { out, signal },
    );
    if (failing) await assert.rejects(ran);
    else await ran;
    written.push("|");
  }
  assert.equal(written.join(""), "result\n|commit;|commit;result\n|");
});
