import { digestOf } from "../../src/bytes/hash.ts";
import type { TarInput } from "../../src/tar/write.ts";
import { tarInput, tarOf } from "./scene.ts";

/** What `docker save` is to hold of one image. */
export interface SavedParts {
  readonly names: readonly string[] | null;
  /** The layers' tars, lowest first. */
  readonly layers: readonly Uint8Array[];
}

/** A layer with one file. */
export function layerTar(text: string): Promise<Buffer> {
  return tarOf([tarInput("file", text)]);
}

export function configOf(layers: readonly Uint8Array[]): Buffer {
  return Buffer.from(
    JSON.stringify({
      architecture: "amd64",
      os: "linux",
      config: { Cmd: ["/file"] },
      rootfs: { type: "layers", diff_ids: layers.map((layer) => digestOf(layer)) },
    }),
  );
}

/** The entries of what Docker before 25 wrote: a folder per layer, equal layers as links to the first. */
export function legacySave(images: readonly SavedParts[]): readonly TarInput[] {
  const entries: TarInput[] = [];
  const first = new Map<string, string>();
  let count = 0;
  const manifest = images.map(({ names, layers }) => {
    const config = configOf(layers);
    const configPath = `${digestOf(config).slice(7)}.json`;
    entries.push(tarInput(configPath, config));
    const paths = layers.map((layer) => {
      const folder = `layer${(count += 1)}`;
      const known = first.get(digestOf(layer));
      entries.push(
        tarInput(`${folder}/`, "", { type: "directory", mode: 0o755 }),
        tarInput(`${folder}/VERSION`, "1.0"),
        known === undefined
          ? tarInput(`${folder}/layer.tar`, layer)
          : tarInput(`${folder}/layer.tar`, "", { type: "symlink", linkPath: `../${known}/layer.tar` }),
      );
      if (known === undefined) first.set(digestOf(layer), folder);
      return `${folder}/layer.tar`;
    });
    return { Config: configPath, RepoTags: names, Layers: paths };
  });
  return [...entries, tarInput("manifest.json", JSON.stringify(manifest)), tarInput("repositories", "{}")];
}
