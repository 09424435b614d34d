import { OciError } from "../error/oci-error.ts";
import { formatPlatform, parsePlatformText, type Platform } from "../spec/platform.ts";

/** A layer to be: a folder or a file to pack, or a finished tar. */
export interface LayerInput {
  /** A folder, a file, or without `target` a tar (plain, gzip or zstd), on this machine. */
  readonly path: string;
  /** Where it goes in the image; see TreeOptions.target. */
  readonly target?: string;
  /** Only for images of this platform; for all when absent. */
  readonly platform?: Platform;
}

const PLATFORM = /^([a-z0-9]+\/[a-z0-9_-]+(?:\/[a-z0-9]+)?(?::[0-9.]+)?)=/;

/**
 * Reads what a user types: `[PLATFORM=]PATH[:TARGET]`, as in `./dist:/app`, `layer.tar.gz`
 * or `linux/arm64=./build/arm64:/app`. A path that looks like `a/b=c` is written `./a/b=c`.
 * @throws OciError USAGE
 */
export function parseLayerText(text: string): LayerInput {
  const platform = PLATFORM.exec(text)?.[1];
  const rest = platform === undefined ? text : text.slice(platform.length + 1);
  const colon = rest.lastIndexOf(":/");
  const path = colon === -1 ? rest : rest.slice(0, colon);
  if (path === "" || path.includes("\0")) {
    throw new OciError("USAGE", `Invalid layer ${JSON.stringify(text)}: expected [PLATFORM=]PATH[:TARGET]`, {
      hint: "For example: ./dist:/app, rootfs.tar.gz, linux/arm64=./build/arm64:/app",
    });
  }
  return {
    path,
    ...(colon === -1 ? {} : { target: rest.slice(colon + 1) }),
    ...(platform === undefined ? {} : { platform: parsePlatformText(platform) }),
  };
}

/** The platforms that layers are meant for, each once, in the order they first come up. */
export function layerPlatforms(layers: readonly LayerInput[]): readonly Platform[] {
  const found = new Map<string, Platform>();
  for (const { platform } of layers) if (platform) found.set(formatPlatform(platform), platform);
  return [...found.values()];
}
