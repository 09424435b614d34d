import { collect } from "../../bytes/collect.ts";
import type { Descriptor } from "../../spec/descriptor.ts";
import type { Digest } from "../../spec/digest.ts";
import { isImageConfigType } from "../../spec/image-config.ts";
import { Limits } from "../../spec/limits.ts";
import { type Manifest, parseManifest } from "../../spec/manifest.ts";
import { MediaType } from "../../spec/media-type.ts";
import type { Source } from "../../store/store.ts";
import { manifestEdges } from "../../store/successors.ts";

/** What a manifest is to the gate. */
export interface Nature {
  /** What hangs on an image and proves something of it: nobody can run it. Anything else is judged. */
  readonly evidence: boolean;
  readonly subject?: Descriptor;
  /** Of an index. */
  readonly children: readonly Descriptor[];
}

const IMAGE_LAYER = /^application\/vnd\.(?:oci\.image\.layer|docker\.image\.rootfs)\./;
/** What signing tools store beside a configuration that looks like an image's. */
const STATEMENT =
  /^(?:application\/vnd\.(?:dev\.cosign\.simplesigning\.|dsse\.envelope\.|in-toto|cyclonedx|syft)|application\/(?:spdx|vnd\.in-toto)|text\/spdx)/;
/** The two bytes `{}`: no image's configuration. */
const EMPTY_CONFIG: string = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

/** What a manifest is, by its bytes. @throws OciError MANIFEST_INVALID */
export function natureOf(bytes: Uint8Array, mediaType: string): Nature {
  const manifest = parseManifest(bytes, mediaType);
  const { subject } = manifest;
  return {
    evidence: !isRunnable(manifest),
    ...(subject ? { subject } : {}),
    children: manifestEdges(manifest).flatMap(({ role, descriptor }) => (role === "child" ? [descriptor] : [])),
  };
}

/** Whether any program might take it for an image, whatever else it says of itself. */
function isRunnable(manifest: Manifest): boolean {
  if (manifest.form === "artifact") return false;
  if (manifest.form !== "image") return true;
  const { config, layers } = manifest;
  if (isImageConfigType(config.mediaType)) return layers.some(({ mediaType }) => !STATEMENT.test(mediaType));
  if (config.mediaType === MediaType.Empty && EMPTY_CONFIG === config.digest) return false;
  return layers.some(({ mediaType }) => IMAGE_LAYER.test(mediaType));
}

/** What manifests are; a digest never becomes another thing. Bounded. */
export class Natures {
  /** From the least to the most recently used. */
  readonly #known = new Map<Digest, Nature>();

  /** @throws OciError MANIFEST_INVALID, and what the source throws */
  async of(source: Pick<Source, "fetch">, descriptor: Descriptor): Promise<Nature> {
    const known = this.#known.get(descriptor.digest);
    if (known) return known;
    const what = `manifest ${descriptor.digest}`;
    const bytes = await collect(source.fetch(descriptor, { kind: "manifest" }), Limits.manifest, what);
    const nature = natureOf(bytes, descriptor.mediaType);
    this.#known.set(descriptor.digest, nature);
    const [oldest] = this.#known.keys();
    if (this.#known.size > Limits.gateManifests && oldest !== undefined) this.#known.delete(oldest);
    return nature;
  }
}
