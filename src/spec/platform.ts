import { OciError } from "../error/oci-error.ts";
import { isJsonObject } from "./json.ts";

/** What an image runs on (image-spec image-index.md, "platform"); GOOS and GOARCH values. */
export interface Platform {
  readonly architecture: string;
  readonly os: string;
  readonly "os.version"?: string;
  readonly "os.features"?: readonly string[];
  readonly variant?: string;
}

/**
 * Reads a platform object out of parsed JSON.
 * @throws OciError MANIFEST_INVALID
 */
export function parsePlatform(value: unknown, where: string): Platform {
  if (!isJsonObject(value)) {
    throw new OciError("MANIFEST_INVALID", `Invalid platform at ${where}: expected an object`);
  }
  for (const key of ["architecture", "os", "os.version", "variant"]) {
    const field = value[key];
    if (field !== undefined && typeof field !== "string") {
      throw new OciError("MANIFEST_INVALID", `Invalid platform at ${where}: ${key} must be a string`);
    }
  }
  const features = value["os.features"];
  if (features !== undefined && !(Array.isArray(features) && features.every((item) => typeof item === "string"))) {
    throw new OciError("MANIFEST_INVALID", `Invalid platform at ${where}: os.features must be an array of strings`);
  }
  // Attestation manifests of BuildKit say unknown/unknown; some indexes leave both out.
  const read = value as Record<string, string | undefined>;
  return {
    architecture: read["architecture"] ?? "",
    os: read["os"] ?? "",
    ...(read["os.version"] === undefined ? {} : { "os.version": read["os.version"] }),
    ...(features === undefined ? {} : { "os.features": features }),
    ...(read["variant"] === undefined ? {} : { variant: read["variant"] }),
  };
}

const ARCHITECTURES: Readonly<Record<string, { architecture: string; variant?: string }>> = {
  x86_64: { architecture: "amd64" },
  "x86-64": { architecture: "amd64" },
  aarch64: { architecture: "arm64" },
  armhf: { architecture: "arm", variant: "v7" },
  armel: { architecture: "arm", variant: "v6" },
  i386: { architecture: "386" },
  x64: { architecture: "amd64" },
  ia32: { architecture: "386" },
};
const SYSTEMS: Readonly<Record<string, string>> = { macos: "darwin", win32: "windows" };

/** The platform of the machine this runs on; containers of macOS run on linux. */
export function localPlatform(arch: string, os: string): Platform {
  const known = ARCHITECTURES[arch] ?? { architecture: arch };
  return { ...known, os: os === "darwin" ? "linux" : (SYSTEMS[os] ?? os) };
}

/**
 * Parses what a user types: `os/arch[/variant][:osversion]`.
 * @throws OciError USAGE
 */
export function parsePlatformText(text: string): Platform {
  const [path = "", version] = text.toLowerCase().split(":", 2);
  const parts = path.split("/");
  const valid = parts.length >= 2 && parts.length <= 3 && parts.every((part) => /^[a-z0-9_.-]+$/.test(part));
  if (!valid) {
    throw new OciError("USAGE", `Invalid platform ${JSON.stringify(text)}: expected os/architecture[/variant]`, {
      hint: "For example: linux/amd64, linux/arm/v7, windows/amd64:10.0.20348.1",
    });
  }
  const [os = "", arch = "", variant] = parts;
  const known = ARCHITECTURES[arch] ?? { architecture: arch };
  const chosen = variant ?? known.variant;
  return {
    architecture: known.architecture,
    os: SYSTEMS[os] ?? os,
    ...(version === undefined ? {} : { "os.version": version }),
    ...(chosen === undefined ? {} : { variant: chosen }),
  };
}

export function formatPlatform(platform: Platform): string {
  const variant = platform.variant ? `/${platform.variant}` : "";
  const version = platform["os.version"] ? `:${platform["os.version"]}` : "";
  return `${platform.os}/${platform.architecture}${variant}${version}`;
}

/**
 * Tells whether an offered platform serves a wanted one: same system and
 * architecture, and whatever the wanted one pins beyond that. `arm64` and
 * `arm64/v8` are the same, as are `arm` and `arm/v7`.
 */
export function matchesPlatform(offered: Platform, wanted: Platform): boolean {
  if (offered.os !== wanted.os || offered.architecture !== wanted.architecture) return false;
  if (wanted.variant !== undefined && impliedVariant(offered) !== impliedVariant(wanted)) return false;
  const version = wanted["os.version"];
  if (version === undefined) return true;
  const offeredVersion = offered["os.version"] ?? "";
  return offeredVersion === version || offeredVersion.startsWith(`${version}.`);
}

function impliedVariant(platform: Platform): string {
  if (platform.variant) return platform.variant;
  if (platform.architecture === "arm64") return "v8";
  return platform.architecture === "arm" ? "v7" : "";
}
