import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { openRemote } from "../../src/remote/open-remote.ts";
import { createMemoryRegistry } from "../../src/memory/memory.ts";
import { serve } from "../../src/server/serve.ts";
import { inside } from "../cli/inside.ts";
import { workFolder } from "../cli/fixture.ts";
import { missing } from "../support/docker-registry.ts";

const execute = promisify(execFile);
const BUILT = "apt-get install golang && go install it";

/** A folder with a layout that has an image, an SBOM on it, and a hand for our commands and the peers'. */
async function scene(): Promise<
  {
    readonly cwd: string;
    readonly digest: string;
    berth(line: string): Promise<string>;
    peer(line: string): Promise<string>;
  } & AsyncDisposable
> {
  const folder = await workFolder();
  const cwd = folder.path;
  const berth = async (line: string): Promise<string> => {
    const { code, out, err } = await inside(line.split(" "), { cwd });
    assert.equal(code, 0, `berth ${line}: ${err}`);
    return out.trim();
  };
  const peer = async (line: string): Promise<string> => {
    const [program = "", ...args] = line.split(" ");
    const { stdout } = await execute(program, args, { cwd, env: { ...process.env, HOME: cwd } });
    return stdout.trim();
  };
  await mkdir(join(cwd, "files"));
  await writeFile(join(cwd, "files/a"), "hello");
  await writeFile(join(cwd, "sbom.cdx.json"), "[]");
  await berth("image create ocidir://img:v1 --layer files:/ --cmd /a");
  await berth("attach ocidir://img:v1 sbom.cdx.json --artifact-type application/vnd.cyclonedx+json");
  const digest = await berth("digest ocidir://img:v1");
  return { cwd, digest, berth, peer, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

describe("archives and their other readers and writers", () => {
  test("skopeo reads our archives of every kind, and we read its", { skip: missing("skopeo") }, async () => {
    await using at = await scene();
    for (const name of ["a.tar", "a.tar.gz"]) {
      await at.berth(`copy ocidir://img:v1 ./${name}`);
      assert.equal(JSON.parse(await at.peer(`skopeo inspect oci-archive:${name}:v1`)).Digest, at.digest);
    }
    await at.peer("skopeo copy -q oci-archive:a.tar:v1 oci-archive:theirs.tar:new");
    assert.equal(await at.berth("digest oci-archive:theirs.tar:new"), at.digest);
    await at.berth("attach ./theirs.tar:new sbom.cdx.json --artifact-type application/vnd.cyclonedx+json");
    assert.equal(JSON.parse(await at.peer("skopeo inspect oci-archive:theirs.tar:new")).Digest, at.digest);
    await at.berth("copy ocidir://img:v1 docker-archive:ours-docker.tar:app:v1 --no-referrers");
    await at.peer("skopeo copy -q oci-archive:a.tar:v1 docker-archive:theirs-docker.tar:app:v1");
    assert.equal(
      await at.berth("digest docker-archive:theirs-docker.tar:app:v1"),
      await at.berth("digest docker-archive:ours-docker.tar:app:v1"),
      "one image, however its archive is laid out",
    );
    await at.berth("export ocidir://img:v1 both.tar --name app:v1");
    for (const name of ["ours-docker.tar", "both.tar"]) {
      await at.peer(`skopeo copy -q docker-archive:${name}:app:v1 oci:back-${name}:v1`);
    }
    assert.equal(JSON.parse(await at.peer("skopeo inspect oci-archive:both.tar:v1")).Digest, at.digest);
  });

  test("regctl imports what we export, and we what it does", { skip: missing("regctl", BUILT) }, async () => {
    await using at = await scene();
    await at.berth("export ocidir://img:v1 both.tar --name app:v1");
    await at.berth("copy ocidir://img:v1 docker-archive:docker.tar:app:v1 --no-referrers");
    await at.peer("regctl image import ocidir://theirs:v1 both.tar");
    assert.equal(await at.peer("regctl image digest ocidir://theirs:v1"), at.digest);
    await at.peer("regctl image import ocidir://theirs:docker docker.tar");
    await at.peer("regctl image export ocidir://theirs:v1 exported.tar");
    assert.equal((await at.berth("import exported.tar ocidir://back:x")).split("\n")[0], at.digest);
  });

  test("oras reads our archives, with what hangs on the image", { skip: missing("oras", BUILT) }, async () => {
    await using at = await scene();
    await at.berth("copy ocidir://img:v1 ./a.tar");
    assert.match(await at.peer("oras discover --oci-layout a.tar:v1"), /application\/vnd\.cyclonedx\+json/);
    await at.peer("oras cp --from-oci-layout a.tar:v1 --to-oci-layout theirs:v1");
    assert.equal(await at.berth("digest ocidir://theirs:v1"), at.digest);
  });

  test("crane validates and pushes our tarballs, and we import its", { skip: missing("crane", BUILT) }, async () => {
    await using at = await scene();
    const registry = createMemoryRegistry();
    const server = await serve({ registry, host: "127.0.0.1", port: 0 });
    try {
      const { host } = new URL(server.url);
      await at.berth("export ocidir://img:v1 both.tar --name app:v1");
      await at.berth("copy ocidir://img:v1 docker-archive:docker.tar:app:v1 --no-referrers");
      for (const name of ["both.tar", "docker.tar"]) {
        assert.match(await at.peer(`crane validate --tarball ${name}`), /PASS/);
        await at.peer(`crane push ${name} ${host}/app:${name}`);
      }
      await at.peer(`crane pull ${host}/app:docker.tar pulled.tar`);
      await at.berth("import pulled.tar ocidir://back:v1");
      const layers = async (locator: string): Promise<string[]> => {
        const { layers: found } = JSON.parse(await at.berth(`manifest get ${locator}`)) as {
          layers: { digest: string }[];
        };
        return found.map((layer) => layer.digest);
      };
      await using remote = await openRemote({ host, repository: "app" });
      await remote.resolve({ tag: "both.tar" });
      assert.deepEqual(await layers("ocidir://back:v1"), await layers(`${host}/app:docker.tar`));
    } finally {
      await server.close(0);
      await registry[Symbol.asyncDispose]();
    }
  });

  test(
    "umoci works on what tar unpacks of ours, and we on what tar packs of umoci's",
    { skip: missing("umoci") },
    async () => {
      await using at = await scene();
      await at.berth("copy ocidir://img:v1 ./a.tar");
      await mkdir(join(at.cwd, "layout"));
      await at.peer("tar -xf a.tar -C layout");
      await at.peer("umoci config --image layout:v1 --tag v2 --config.label a=b");
      await at.peer("tar -cf theirs.tar -C layout .");
      assert.match(await at.berth("tag ls ./theirs.tar"), /^v1\nv2$/m);
      assert.match(await at.berth("image inspect ./theirs.tar:v2"), /a=b|linux\//);
      await at.berth("tag add ./theirs.tar:v2 v3");
      assert.match(await at.berth("discover ./theirs.tar:v1"), /cyclonedx/);
    },
  );
});
