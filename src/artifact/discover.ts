import { collect } from "../bytes/collect.ts";
import { isOciError, OciError } from "../error/oci-error.ts";
import { type Annotations, bareDescriptor, type Descriptor } from "../spec/descriptor.ts";
import { Limits } from "../spec/limits.ts";
import { listedArtifactType, type Manifest, parseManifest } from "../spec/manifest.ts";
import { isIndexType } from "../spec/media-type.ts";
import type { Platform } from "../spec/platform.ts";
import type { Signal } from "../store/content.ts";
import type { Referrer, Via } from "../store/names.ts";
import type { Source } from "../store/store.ts";
import { manifestEdges } from "../store/successors.ts";
import { arrange, createdOf, isFilter, needsAnnotations, orderReferrers, type ReferrerChoice } from "./arrange.ts";
import { eachOf } from "../transfer/workers.ts";

export interface DiscoverOptions extends Signal, ReferrerChoice {
  readonly source: Pick<Source, "fetch" | "referrers">;
  readonly subject: Descriptor;
  /** How many levels of referrers of referrers; {@link Limits.discoverDepth} when absent. */
  readonly depth?: number;
  /** Also what is in the subject, and in its referrers, where they are indexes. True by default. */
  readonly children?: boolean;
  /** Requests at a time; 4 when absent. */
  readonly concurrency?: number;
}

/** A manifest, with what is in it and what hangs on it. */
export interface DiscoveredNode {
  /** Type, digest and size alone. */
  readonly descriptor: Descriptor;
  readonly artifactType?: string;
  readonly annotations?: Annotations;
  /** Of a child of an index. */
  readonly platform?: Platform;
  /** The annotation of any of its names, as it stands. */
  readonly created?: string;
  /** Of a referrer: how it was found. */
  readonly via?: Via;
  /** Of a referrer found by a digest tag. */
  readonly tag?: string;
  /** It stands elsewhere in the tree already, with what hangs on it. */
  readonly repeated?: true;
  /** The depth ends here; what hangs on it was not asked. */
  readonly unexplored?: true;
  /** It is listed, but not here. */
  readonly missing?: true;
  /** Manifests in it, when it is an index. */
  readonly children: readonly DiscoveredNode[];
  readonly referrers: readonly DiscoveredNode[];
}

/** A node while the tree grows. */
interface Growing {
  readonly descriptor: Descriptor;
  artifactType?: string;
  annotations?: Annotations;
  platform?: Platform;
  created?: string;
  via?: Via;
  tag?: string;
  repeated?: true;
  unexplored?: true;
  missing?: true;
  children: Growing[];
  referrers: Growing[];
}

/** A node to be looked into. */
interface Job {
  readonly node: Growing;
  /** Levels of referrers that may still be added below. */
  readonly depth: number;
  /** Its manifest has to be there. */
  readonly root: boolean;
}

function annotate(node: Growing, annotations: Annotations | undefined): void {
  if (annotations === undefined) return;
  node.annotations = annotations;
  const created = createdOf(annotations);
  if (created !== undefined) node.created = created;
}

function childNode(descriptor: Descriptor): Growing {
  const node: Growing = { descriptor: bareDescriptor(descriptor), children: [], referrers: [] };
  if (descriptor.platform) node.platform = descriptor.platform;
  if (descriptor.artifactType !== undefined) node.artifactType = descriptor.artifactType;
  annotate(node, descriptor.annotations);
  return node;
}

function referrerNode({ descriptor, via, tag }: Referrer): Growing {
  const node = childNode(descriptor);
  delete node.platform;
  node.via = via;
  if (tag !== undefined) node.tag = tag;
  return node;
}

class Discovery {
  readonly #options: DiscoverOptions;
  readonly #seen = new Set<string>();
  #nodes = 1;

  constructor(options: DiscoverOptions) {
    this.#options = options;
  }

  async run(): Promise<Growing> {
    const root = childNode(this.#options.subject);
    let level: Job[] = [{ node: root, depth: this.#options.depth ?? Limits.discoverDepth, root: true }];
    for (let depth = 0; level.length > 0; depth += 1) {
      // By position, so that the order of answers does not show.
      const found: Job[][] = [];
      await eachOf(level.entries(), this.#options.concurrency ?? 4, async ([at, job]) => {
        found[at] = await this.#look(job, depth);
      });
      level = found.flat();
    }
    return root;
  }

  /** Fills in one node; gives the nodes found below it. */
  async #look({ node, depth, root }: Job, level: number): Promise<Job[]> {
    const { source, signal } = this.#options;
    signal?.throwIfAborted();
    const { descriptor } = node;
    if (this.#seen.has(descriptor.digest)) {
      node.repeated = true;
      return [];
    }
    this.#seen.add(descriptor.digest);
    const isIndex = isIndexType(descriptor.mediaType);
    const untyped = node.via !== undefined && node.artifactType === undefined;
    const manifest =
      root || isIndex || untyped || this.#lacksAnnotations(node) ? await this.#manifest(node, root) : undefined;
    if (manifest) {
      const type = node.via === undefined ? manifest.artifactType : listedArtifactType(manifest);
      if (node.artifactType === undefined && type !== undefined) node.artifactType = type;
      if (node.annotations === undefined) annotate(node, manifest.annotations);
    }
    if (level >= Limits.discoverDepth) {
      node.unexplored = true;
      return [];
    }
    const jobs: Job[] = [];
    for (const edge of manifest && isIndex && this.#options.children !== false ? manifestEdges(manifest) : []) {
      if (edge.role !== "child") continue;
      node.children.push(this.#count(childNode(edge.descriptor)));
    }
    if (depth > 0) {
      for await (const referrer of source.referrers(descriptor, signal ? { signal } : {})) {
        node.referrers.push(this.#count(referrerNode(referrer)));
      }
    } else {
      node.unexplored = true;
    }
    // What is not shown is not asked for either, where the listing alone tells which that is.
    if (!isFilter(this.#options) && node.referrers.every((each) => this.#isTold(each))) {
      node.referrers = orderReferrers(node.referrers, this.#options);
    }
    for (const child of node.children) jobs.push({ node: child, depth, root: false });
    for (const referrer of node.referrers) jobs.push({ node: referrer, depth: depth - 1, root: false });
    return jobs;
  }

  /** A fallback tag, an entry of a layout and a digest tag may list a referrer without its annotations. */
  #lacksAnnotations({ via, annotations }: Growing): boolean {
    return via !== undefined && via !== "api" && annotations === undefined && needsAnnotations(this.#options);
  }

  /** Its listing has all that it is ordered by. */
  #isTold(node: Growing): boolean {
    return node.artifactType !== undefined && !this.#lacksAnnotations(node);
  }

  #count(node: Growing): Growing {
    this.#nodes += 1;
    if (this.#nodes <= Limits.discoverNodes) return node;
    throw new OciError("LIMIT_EXCEEDED", `More than ${Limits.discoverNodes} manifests hang together with this one`, {
      digest: this.#options.subject.digest,
      hint: "Ask for less with --depth, or begin further up",
    });
  }

  async #manifest(node: Growing, root: boolean): Promise<Manifest | undefined> {
    const { source, signal } = this.#options;
    try {
      const bytes = source.fetch(node.descriptor, { kind: "manifest", ...(signal ? { signal } : {}) });
      return parseManifest(await collect(bytes, Limits.manifest, "manifest"), node.descriptor.mediaType);
    } catch (error) {
      if (root || !isOciError(error, "MANIFEST_UNKNOWN", "BLOB_UNKNOWN")) throw error;
      node.missing = true;
      return undefined;
    }
  }
}

/**
 * Finds everything that hangs on a manifest: its referrers, their referrers,
 * and, when it is an index, its children and what hangs on those. Each manifest
 * is looked into once, so a listing that lies cannot make it go round.
 * @throws OciError MANIFEST_UNKNOWN when the subject is not there, LIMIT_EXCEEDED, and whatever the source throws
 */
export async function discover(options: DiscoverOptions): Promise<DiscoveredNode> {
  const root = await new Discovery(options).run();
  arrange(root, options);
  return root;
}
