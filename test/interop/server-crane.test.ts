import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { digestAt, tagsOf, withClient } from "./client.ts";

const CRANE = {
  name: "crane",
  program: "crane",
  version: { args: ["version"], pattern: /^v?(\S+)/ },
  install: "go install github.com/google/go-containerregistry/cmd/crane@v0.21.9",
};

withClient(CRANE, async ({ host, folder, run, other, operation }) => {
  const app = `${host}/crane/app`;
  const plain = (command: string, ...args: string[]) => run(command, "--insecure", ...args);
  const lines = (text: string) => text.split("\n").filter(Boolean);
  let digest = "";

  await operation("push", "append, push, mutate", async () => {
    await writeFile(join(folder, "hello.txt"), "hello");
    await other("tar", "cf", "layer.tar", "hello.txt");
    await plain("append", "--oci-empty-base", "-f", "layer.tar", "-t", `${app}:v1`);
    digest = (await plain("digest", `${app}:v1`)).trim();
    assert.equal(await digestAt(host, "crane/app", "v1"), digest);
    await plain("mutate", "--label", "a=b", "-t", `${app}:labelled`, `${app}:v1`);
    assert.match(await plain("config", `${app}:labelled`), /"a":"b"/);
  });
  await operation("pull", "pull, validate, export", async () => {
    await plain("pull", "--format=oci", `${app}:v1`, "pulled");
    await plain("push", "pulled", `${host}/crane/pushed:v1`);
    assert.equal(await digestAt(host, "crane/pushed", "v1"), digest);
    await plain("validate", "--remote", `${app}:v1`);
    await plain("export", `${app}:v1`, "files.tar");
    assert.equal((await other("tar", "xOf", "files.tar", "hello.txt")).trim(), "hello");
  });
  await operation("copy", "copy, tag", async () => {
    await plain("copy", `${app}:v1`, `${host}/crane/copied:v1`);
    await plain("copy", "--all-tags", app, `${host}/crane/all`);
    assert.deepEqual(await tagsOf(host, "crane/all"), ["labelled", "v1"]);
    await plain("tag", `${app}:v1`, "v2");
    assert.equal(await digestAt(host, "crane/app", "v2"), digest);
  });
  await operation("list", "ls, catalog", async () => {
    assert.deepEqual(lines(await plain("ls", app)), ["labelled", "v1", "v2"]);
    const names = ["crane/all", "crane/app", "crane/copied", "crane/pushed"];
    assert.deepEqual(lines(await plain("catalog", host)), names);
  });
  await operation("delete", "delete", async () => {
    await plain("delete", `${app}@${digest}`);
    assert.deepEqual(await tagsOf(host, "crane/app"), ["labelled"]);
  });
});
