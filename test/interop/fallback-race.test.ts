import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { openRemote } from "../../src/remote/open-remote.ts";
import { berth } from "../cli/berth.ts";
import { workFolder } from "../cli/fixture.ts";
import { image, pushImage, toArray } from "../support/content.ts";
import { missing, startDockerRegistry } from "../support/docker-registry.ts";

const PROCESSES = 50;

describe("many processes at one subject on docker-registry", { skip: missing("docker-registry") }, () => {
  test("50 attach at once, and 50 referrers are listed", async () => {
    await using folder = await workFolder();
    const registry = await startDockerRegistry();
    try {
      await using store = await openRemote({ host: registry.host, repository: "team/app" });
      const subject = await pushImage(store, image("subject"), ["v1"]);
      const ran = await Promise.all(
        Array.from({ length: PROCESSES }, async (_, at) => {
          const file = `report-${at}.json`;
          await writeFile(join(folder.path, file), JSON.stringify({ at }));
          const line = [
            "attach",
            "-q",
            `${registry.host}/team/app:v1`,
            file,
            "--artifact-type",
            "application/x.report",
          ];
          return await berth(line, { cwd: folder.path });
        }),
      );
      const failed = ran.filter(({ code }) => code !== 0);
      assert.deepEqual(
        failed.map(({ err }) => err),
        [],
      );
      await using fresh = await openRemote({ host: registry.host, repository: "team/app" });
      const listed = await toArray(fresh.referrers(subject));
      assert.deepEqual(
        listed.map(({ descriptor }) => descriptor.digest as string).toSorted(),
        ran.map(({ out }) => out.trim()).toSorted(),
      );
    } finally {
      await registry.close();
      await rm(folder.path, { recursive: true, force: true });
    }
  });
});
