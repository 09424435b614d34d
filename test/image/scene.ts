import { chooseImage, type ChosenImage } from "../../src/image/choose-image.ts";
import { listImageFiles } from "../../src/image/image-files.ts";
import { modImage, type ModImageOptions, type ModResult } from "../../src/image/mod.ts";
import { createMemoryStore } from "../../src/memory/memory.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import type { Store } from "../../src/store/store.ts";
import { type ImageOptions, putImage, type Written } from "./layers.ts";

export async function mod(
  store: Store,
  descriptor: Descriptor,
  rest: Partial<ModImageOptions>,
): Promise<ModResult & { image: ChosenImage }> {
  const result = await modImage({ source: store, target: store, descriptor, ...rest });
  return {
    ...result,
    image: await chooseImage(store, result.descriptor, { platform: { os: "linux", architecture: "amd64" } }),
  };
}

export async function made(options: ImageOptions): Promise<{ store: Store; descriptor: Descriptor }> {
  const store = createMemoryStore();
  return { store, descriptor: await putImage(store, options) };
}

export const base: readonly Written[] = [
  { path: "etc/", type: "directory" },
  { path: "etc/release", text: "1", modifiedAt: 1_000_000_000 },
];
export const app: readonly Written[] = [
  { path: "app", text: "run", modifiedAt: 1_700_000_000, userName: "me", groupName: "us" },
];

export async function names(image: ChosenImage): Promise<string[]> {
  return (await listImageFiles(image)).map(({ path }) => path);
}
