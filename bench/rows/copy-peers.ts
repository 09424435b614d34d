import { peer } from "../peer.ts";

/** How the tools copy: each command for a source and a target, where it can do that. */
export interface CopyTool {
  readonly name: string;
  readonly version: string;
  /** From a registry to another, or into another repository of the same. */
  readonly registries: (source: string, target: string) => readonly string[];
  /** From a registry into a new layout, tag v1. */
  readonly toLayout: (source: string, layout: string) => readonly string[];
  /** From a layout's tag v1 to a registry. */
  readonly fromLayout: (layout: string, target: string) => readonly string[];
}

type Commands = Omit<CopyTool, "name" | "version">;

/** Of `127.0.0.1:5000/app:v1`: no TLS there. */
function plain(...references: readonly string[]): readonly string[] {
  const hosts = new Set(references.map((reference) => reference.split("/", 1)[0]));
  return [...hosts].flatMap((host) => ["--host", `reg=${host},tls=disabled`]);
}

const SKOPEO: readonly string[] = ["skopeo", "--insecure-policy", "copy", "-q"];

const TOOLS: Readonly<Record<string, Commands>> = {
  crane: {
    registries: (source, target) => ["crane", "copy", "--insecure", source, target],
    toLayout: (source, layout) => ["crane", "pull", "--insecure", "--format", "oci", source, layout],
    fromLayout: (layout, target) => ["crane", "push", "--insecure", layout, target],
  },
  oras: {
    registries: (source, target) => ["oras", "cp", "--from-plain-http", "--to-plain-http", source, target],
    toLayout: (source, layout) => ["oras", "cp", "--from-plain-http", source, "--to-oci-layout", `${layout}:v1`],
    fromLayout: (layout, target) => ["oras", "cp", "--from-oci-layout", `${layout}:v1`, "--to-plain-http", target],
  },
  regctl: {
    registries: (source, target) => ["regctl", "image", "copy", ...plain(source, target), source, target],
    toLayout: (source, layout) => ["regctl", "image", "copy", ...plain(source), source, `ocidir://${layout}:v1`],
    fromLayout: (layout, target) => ["regctl", "image", "copy", ...plain(target), `ocidir://${layout}:v1`, target],
  },
  skopeo: {
    registries: (source, target) => [
      ...SKOPEO,
      "--src-tls-verify=false",
      "--dest-tls-verify=false",
      `docker://${source}`,
      `docker://${target}`,
    ],
    toLayout: (source, layout) => [...SKOPEO, "--src-tls-verify=false", `docker://${source}`, `oci:${layout}:v1`],
    fromLayout: (layout, target) => [...SKOPEO, "--dest-tls-verify=false", `oci:${layout}:v1`, `docker://${target}`],
  },
};

/** berth first, then the peers that are on PATH. */
export function copyTools(berth: readonly string[]): readonly CopyTool[] {
  const own: CopyTool = {
    name: "berth",
    version: "",
    registries: (source, target) => [...berth, "copy", "-q", source, target],
    toLayout: (source, layout) => [...berth, "copy", "-q", source, `ocidir://${layout}:v1`],
    fromLayout: (layout, target) => [...berth, "copy", "-q", `ocidir://${layout}:v1`, target],
  };
  const peers = Object.entries(TOOLS).flatMap(([name, commands]): CopyTool[] => {
    const version = peer(name);
    return version === undefined ? [] : [{ name, version, ...commands }];
  });
  return [own, ...peers];
}

/** The versions of the peers, for a row. */
export function versionsOf(tools: readonly CopyTool[]): Readonly<Record<string, string>> {
  return Object.fromEntries(tools.filter(({ version }) => version !== "").map(({ name, version }) => [name, version]));
}
