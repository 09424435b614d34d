import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { digestAt, withClient } from "./client.ts";

const BUILDAH = {
  name: "buildah",
  program: "buildah",
  version: { args: ["--version"], pattern: /version (\S+)/ },
  install: "apt-get install buildah",
};

withClient(BUILDAH, async ({ host, folder, run, operation }) => {
  const storage = [`driver = "vfs"`, `graphroot = "${join(folder, "graph")}"`, `runroot = "${join(folder, "run")}"`];
  await writeFile(join(folder, "storage.conf"), `[storage]\n${storage.join("\n")}\n`);
  await writeFile(join(folder, "policy.json"), '{"default":[{"type":"insecureAcceptAnything"}]}');
  await writeFile(join(folder, "hello.txt"), "hello");
  const policy = ["--tls-verify=false", "--signature-policy", join(folder, "policy.json")];

  await operation("push", "push, manifest push", async () => {
    const container = (await run("from", "scratch")).trim();
    await run("copy", "-q", container, join(folder, "hello.txt"), "/hello.txt");
    await run("config", "--label", "made=here", "--entrypoint", '["/hello.txt"]', container);
    await run("commit", "-q", "--signature-policy", join(folder, "policy.json"), container, "made");
    await run("push", ...policy, "made", `docker://${host}/made:v1`);
    await run("push", ...policy, "--format", "v2s2", "made", `docker://${host}/made:docker`);
    await run("manifest", "create", "list");
    await run("manifest", "add", "--tls-verify=false", "list", `docker://${host}/made:v1`);
    await run("manifest", "push", ...policy, "--all", "list", `docker://${host}/made:all`);
    for (const tag of ["v1", "docker", "all"]) assert.notEqual(await digestAt(host, "made", tag), null, tag);
  });
  await operation("pull", "pull, from", async () => {
    await run("rmi", "--all", "--force");
    const id = (await run("pull", "-q", ...policy, `${host}/made:v1`)).trim();
    const labels = await run("inspect", "--type", "image", "--format", "{{.OCIv1.Config.Labels}}", id);
    assert.match(labels, /made:here/);
    await run("from", ...policy, `${host}/made:all`);
  });
});
