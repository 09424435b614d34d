import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isOciError } from "../../src/error/oci-error.ts";
import { selectPlatform } from "../../src/graph/select.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { parsePlatformText } from "../../src/spec/platform.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import type { Store } from "../../src/store/store.ts";
import { image, index, json, piece, pushBlob, pushImage, pushManifest } from "../support/content.ts";

async function child(store: Store, platform: string): Promise<Descriptor> {
  return { ...(await pushImage(store, image(platform))), platform: parsePlatformText(platform) };
}

async function indexOf(store: Store, children: readonly Descriptor[]): Promise<Descriptor> {
  const part = index(children);
  await pushManifest(store, part);
  return part.descriptor;
}

describe("selectPlatform", () => {
  test("takes the first that serves, and looks into nested indexes", async () => {
    const store = createMemoryStore();
    const amd = await child(store, "linux/amd64");
    const arm = await child(store, "linux/arm64/v8");
    const windows = await child(store, "windows/amd64:10.0.20348.1");
    const nested = await indexOf(store, [windows]);
    const root = await indexOf(store, [nested, amd, { ...arm, digest: arm.digest }]);
    const select = async (text: string): Promise<string> =>
      (await selectPlatform(store, root, parsePlatformText(text))).digest;
    assert.equal(await select("linux/amd64"), amd.digest);
    assert.equal(await select("linux/aarch64"), arm.digest);
    assert.equal(await select("windows/amd64:10.0.20348"), windows.digest);
  });

  test("says what is there instead", async () => {
    const store = createMemoryStore();
    const root = await indexOf(store, [await child(store, "linux/amd64"), await child(store, "linux/arm/v7")]);
    await assert.rejects(
      selectPlatform(store, root, parsePlatformText("linux/s390x")),
      (error) => isOciError(error, "PLATFORM_UNKNOWN") && error.message.endsWith("linux/amd64, linux/arm/v7"),
    );
  });

  test("a single image has to be for the platform; what is no image is its own answer", async () => {
    const store = createMemoryStore();
    const one = await pushImage(store, image("single"));
    assert.equal((await selectPlatform(store, one, parsePlatformText("linux/amd64"))).digest, one.digest);
    await assert.rejects(
      selectPlatform(store, one, parsePlatformText("linux/s390x")),
      (error) =>
        isOciError(error, "PLATFORM_UNKNOWN") && error.message.endsWith("is for linux/amd64, not for linux/s390x"),
    );
    const config = piece("{}", MediaType.Empty);
    await pushBlob(store, config);
    const artifact = json(
      { schemaVersion: 2, artifactType: "application/x.test", config: config.descriptor, layers: [config.descriptor] },
      MediaType.ImageManifest,
    );
    await pushManifest(store, artifact);
    const chosen = await selectPlatform(store, artifact.descriptor, parsePlatformText("linux/s390x"));
    assert.equal(chosen.digest, artifact.descriptor.digest);
  });
});
