import { OciError } from "../error/oci-error.ts";
import { Annotation } from "../spec/annotation.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { isIndexType } from "../spec/media-type.ts";
import { formatPlatform, matchesPlatform, type Platform } from "../spec/platform.ts";
import type { Signal } from "../store/content.ts";
import type { Source } from "../store/store.ts";
import { ManifestReader } from "./manifest-reader.ts";
import { imagePlatform, MAX_DEPTH } from "./select.ts";

/** What some platforms leave of an index. */
export interface ChosenPlatforms {
  /** Manifests that stay behind, nested ones not repeated below an index that stays itself. */
  readonly without: ReadonlySet<Digest>;
  readonly kept: readonly Descriptor[];
}

/**
 * Chooses every manifest of an index that serves one of the platforms. Attestations go with the image
 * they speak of; an index inside stays as long as something in it does; what has no platform stays behind.
 * @throws OciError PLATFORM_UNKNOWN with the platforms that are there; UNSUPPORTED for what is no index
 */
export async function choosePlatforms(
  source: Pick<Source, "fetch">,
  root: Descriptor,
  wanted: readonly Platform[],
  options: Signal = {},
): Promise<ChosenPlatforms> {
  if (!isIndexType(root.mediaType)) {
    throw new OciError("UNSUPPORTED", `${root.digest} is no index, so it has not several platforms to choose from`, {
      digest: root.digest,
      hint: "Name one platform alone, or none",
    });
  }
  const choice = new Choice(source, wanted, options);
  await choice.index(root, 0);
  choice.requireAll(root);
  return { without: choice.without(), kept: [...choice.kept.values()] };
}

class Choice {
  readonly kept = new Map<Digest, Descriptor>();
  readonly #dropped = new Set<Digest>();
  readonly #offered = new Set<string>();
  readonly #met = new Set<Platform>();
  readonly #reader: ManifestReader;
  readonly #source: Pick<Source, "fetch">;
  readonly #wanted: readonly Platform[];
  readonly #options: Signal;

  constructor(source: Pick<Source, "fetch">, wanted: readonly Platform[], options: Signal) {
    this.#source = source;
    this.#reader = new ManifestReader(source);
    this.#wanted = wanted;
    this.#options = options;
  }

  /** Looks through an index; tells whether anything of it is kept. */
  async index(index: Descriptor, depth: number): Promise<boolean> {
    const edges = await this.#reader.edges(index, this.#options);
    const children = edges.filter(({ role }) => role === "child").map(({ descriptor }) => descriptor);
    const attested = (child: Descriptor): string | undefined => child.annotations?.[Annotation.DockerReferenceDigest];
    let any = false;
    for (const child of children.filter((each) => attested(each) === undefined)) {
      const keep = await this.#wants(child, depth);
      any ||= keep;
      this.#decide(child, keep);
    }
    for (const child of children) {
      const subject = attested(child);
      if (subject !== undefined) this.#decide(child, this.kept.has(subject as Digest));
    }
    return any;
  }

  requireAll(root: Descriptor): void {
    const missing = this.#wanted.find((platform) => !this.#met.has(platform));
    if (!missing) return;
    const list = [...this.#offered].join(", ") || "none";
    throw new OciError(
      "PLATFORM_UNKNOWN",
      `${root.digest} has nothing for ${formatPlatform(missing)}; it has ${list}`,
      { digest: root.digest },
    );
  }

  /** The same manifest may stand in two places: kept once is kept. */
  without(): ReadonlySet<Digest> {
    return new Set([...this.#dropped].filter((digest) => !this.kept.has(digest)));
  }

  #decide(child: Descriptor, keep: boolean): void {
    if (keep) this.kept.set(child.digest, child);
    else this.#dropped.add(child.digest);
  }

  async #wants(child: Descriptor, depth: number): Promise<boolean> {
    if (isIndexType(child.mediaType) && !child.platform) {
      return depth < MAX_DEPTH && (await this.index(child, depth + 1));
    }
    const platform = child.platform ?? (await imagePlatform(this.#source, child, this.#options));
    if (!platform) return false;
    this.#offered.add(formatPlatform(platform));
    const matches = this.#wanted.filter((wanted) => matchesPlatform(platform, wanted));
    for (const match of matches) this.#met.add(match);
    return matches.length > 0;
  }
}
