import type { ChosenImage } from "../image/choose-image.ts";
import { type Opened, resolveOpened } from "../open/opened.ts";
import { localPlatform, parsePlatformText, type Platform } from "../spec/platform.ts";
import type { Context } from "./context.ts";
import { flag, type Option } from "./option.ts";

/** How much of an image's layers is read to look into it. */
export const lazyLayers: Option<boolean> = flag(
  "--lazy",
  "read only the parts of a layer that it takes, where the layer allows it (eStargz, zstd:chunked, no compression), without checking the digest of the whole",
);

/** The platform of this machine's containers. */
export function ownPlatform(): Platform {
  return localPlatform(process.arch, process.platform === "win32" ? "windows" : "linux");
}

/** The one image that a locator means: of an index that of the platform asked for, else of this machine's. */
export async function openImage(opened: Opened, written: string | undefined, context: Context): Promise<ChosenImage> {
  const platform = written === undefined ? undefined : parsePlatformText(written);
  const root = await resolveOpened(opened, { signal: context.signal });
  const [{ chooseImage }, { keepNurserySmall }] = await Promise.all([
    import("../image/choose-image.ts"),
    import("./nursery.ts"),
  ]);
  keepNurserySmall();
  return chooseImage(opened.store, root, {
    ...(platform ? { platform } : {}),
    otherwise: ownPlatform(),
    signal: context.signal,
  });
}
