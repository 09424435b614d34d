import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { attachArtifacts } from "../../src/artifact/attach.ts";
import { isOciError } from "../../src/error/oci-error.ts";
import { openRemote } from "../../src/remote/open-remote.ts";
import { image, pushImage, toArray } from "../support/content.ts";
import { fallbackRegistry } from "../support/fallback-registry.ts";
import { reply, scripted, storeOn } from "./scripted.ts";

const WRITERS = 12;

/** Each with connections and knowledge of its own, as so many processes have. */
async function attachAtOnce(host: string): Promise<readonly string[]> {
  await using first = await openRemote({ host, repository: "team/app" });
  const subject = await pushImage(first, image("subject"), ["v1"]);
  const attached = await Promise.all(
    Array.from({ length: WRITERS }, async (_, at) => {
      await using store = await openRemote({ host, repository: "team/app" });
      const artifacts = [{ files: [], artifactType: "application/x.mark", annotations: { "org.example.at": `${at}` } }];
      const [packed] = await attachArtifacts({ target: store, subject, artifacts });
      return packed?.descriptor.digest ?? "";
    }),
  );
  await using last = await openRemote({ host, repository: "team/app" });
  const listed = await toArray(last.referrers(subject));
  assert.deepEqual(
    listed
      .filter(({ via }) => via === "fallback-tag")
      .map(({ descriptor }) => descriptor.digest as string)
      .toSorted(),
    attached.toSorted(),
  );
  return attached;
}

/** Takes the place for locks away. */
async function withoutLocks(work: () => Promise<unknown>): Promise<void> {
  const before = process.env["TMPDIR"];
  process.env["TMPDIR"] = "/nowhere";
  try {
    await work();
  } finally {
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
  }
}

describe("writers of one fallback tag that know nothing of each other", () => {
  test("take turns on one machine", async () => {
    await using registry = await fallbackRegistry({ delay: 5 });
    assert.equal(new Set(await attachAtOnce(registry.host)).size, WRITERS);
    const puts = registry.lines.filter((line) => line.startsWith("PUT") && line.includes("/manifests/sha256-"));
    assert.equal(puts.length, WRITERS);
  });

  test("are all listed in the end where no lock can be had, as those of many machines", async () => {
    await using registry = await fallbackRegistry({ delay: 10 });
    await withoutLocks(() => attachAtOnce(registry.host));
  });

  test("are all listed where the registry compares", async () => {
    await using registry = await fallbackRegistry({ delay: 10, compares: true });
    await withoutLocks(() => attachAtOnce(registry.host));
  });

  test("write once and look once where nobody else is there", async () => {
    await using registry = await fallbackRegistry();
    await using store = await openRemote({ host: registry.host, repository: "team/app" });
    const subject = await pushImage(store, image("subject"));
    const before = registry.lines.length;
    await store.listReferrers?.([{ subject, add: [image("one").manifest.descriptor], remove: [] }]);
    const lines = registry.lines.slice(before).filter((line) => line.includes("/manifests/sha256-"));
    assert.deepEqual(
      lines.map((line) => line.split(" ")[0]),
      ["GET", "PUT", "GET"],
    );
  });

  test("give up soon where the registry fails each time", async () => {
    let puts = 0;
    await using server = await scripted((request, response) => {
      if (request.method !== "PUT") return reply(response, 404, {}, "404 page not found");
      puts += 1;
      return reply(response, 503);
    });
    await using store = await storeOn(server, { retries: 2 });
    const change = { subject: image("a").manifest.descriptor, add: [image("b").manifest.descriptor], remove: [] };
    await assert.rejects(store.listReferrers?.([change]) ?? Promise.resolve(), (error) => isOciError(error, "NETWORK"));
    assert.equal(puts, 3);
  });
});
