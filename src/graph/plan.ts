import { isOciError, OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { bareDescriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { isImageManifestType, isNonDistributable } from "../spec/media-type.ts";
import type { LeaseOption } from "../store/blobs.ts";
import type { Signal } from "../store/content.ts";
import type { NameChange, Referrer } from "../store/names.ts";
import { describeLocation } from "../store/describe-location.ts";
import type { Kind, Source } from "../store/store.ts";
import type { Edge } from "../store/successors.ts";
import { type Frame, hostOf, nextBlobs, station } from "./frame.ts";
import { ManifestReader } from "./manifest-reader.ts";
import { shortcut } from "./shortcut.ts";
import { type Action, type ContentStep, nodeKey, type NodeKey, type PathNode, type Step } from "./step.ts";

/** A manifest to bring over, and the tags it gets at the target. */
export interface Root {
  readonly descriptor: Descriptor;
  readonly tags: readonly string[];
  /** What the source calls it, where that differs; for explanations. */
  readonly name?: string;
}

export interface PlanOptions extends Signal {
  readonly source: Source;
  readonly target: Source;
  readonly roots: readonly Root[];
  /** Bring what hangs on every manifest: referrers, theirs, and digest tags. True by default. */
  readonly referrers?: boolean;
  /** Only referrers of these artifact types; digest tags stay behind. */
  readonly artifactTypes?: readonly string[];
  /** Ask the target for every node, even below a manifest that it holds, and read what a layout holds. */
  readonly deep?: boolean;
  /** The plan is going to be carried out: what the target holds is asked for with a lease on it. */
  readonly lease?: boolean;
  /** Manifests that stay behind although an index names them: it is copied as it is, and sparse. */
  readonly without?: ReadonlySet<Digest>;
  /** Fetch layers that the source lacks from the URLs of their descriptors. False by default. */
  readonly includeExternal?: boolean;
  /** Say of each node how it belongs to the graph. */
  readonly explain?: boolean;
  /** Shared with the execution, so that no manifest is read twice. */
  readonly reader?: ManifestReader;
}

/**
 * Plans a copy as a stream of steps: children before parents, subjects before their
 * referrers, names last. Reads only. The walk is iterative and holds descriptors of the
 * open path alone; what it remembers of the rest is one key per node.
 * @throws OciError MANIFEST_UNKNOWN when the source lacks a part of the graph
 */
export async function* plan(options: PlanOptions): AsyncGenerator<Step, void, undefined> {
  yield* new Planner(options).run();
}

class Planner {
  readonly #options: PlanOptions;
  readonly #reader: ManifestReader;
  readonly #seen = new Set<NodeKey>();
  readonly #digestTags = new Map<string, Descriptor>();
  /** Manifests that the target lacks: no tag of it can be right. */
  readonly #lacking = new Set<Digest>();
  readonly #take: Action;

  constructor(options: PlanOptions) {
    this.#options = options;
    this.#reader = options.reader ?? new ManifestReader(options.source);
    this.#take = shortcut(options.source.location, options.target.location);
  }

  async *run(): AsyncGenerator<Step, void, undefined> {
    for (const root of this.#options.roots) yield* this.#walk(root);
    const wanted: NameChange[] = [...this.#digestTags].map(([tag, to]) => ({ tag, to }));
    for (const { descriptor, tags } of this.#options.roots) {
      for (const tag of tags) wanted.push({ tag, to: bareDescriptor(descriptor) });
    }
    const changes: NameChange[] = [];
    const unchanged: string[] = [];
    for (const change of wanted) {
      const lacks = change.to && this.#lacking.has(change.to.digest);
      if (!lacks && (await this.#current(change.tag)) === change.to?.digest) unchanged.push(change.tag);
      else changes.push(change);
    }
    if (wanted.length > 0) yield { type: "names", changes, unchanged };
  }

  async #current(tag: string): Promise<Digest | undefined> {
    try {
      return (await this.#options.target.resolve({ tag }, this.#signal())).digest;
    } catch (error) {
      if (isOciError(error, "MANIFEST_UNKNOWN", "NAME_UNKNOWN")) return undefined;
      throw error;
    }
  }

  async *#walk(root: Root): AsyncGenerator<Step, void, undefined> {
    const stack: Frame[] = [];
    const tags = root.name === undefined ? root.tags : [root.name];
    await this.#enter(stack, root.descriptor, "root", { tags });
    for (let frame = stack.at(-1); frame; frame = stack.at(-1)) {
      this.#options.signal?.throwIfAborted();
      if (frame.phase === "below") yield* this.#below(stack, frame);
      else if (frame.phase === "self") yield await this.#self(stack, frame);
      else yield* this.#above(stack, frame);
    }
  }

  async #enter(
    stack: Frame[],
    descriptor: Descriptor,
    role: Frame["role"],
    about: Partial<PathNode>,
    subject?: Descriptor,
  ): Promise<void> {
    const key = nodeKey("manifest", descriptor.digest);
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    const { target, deep } = this.#options;
    const there =
      (await target.exists(descriptor, { kind: "manifest", ...this.#lease() })) &&
      (await this.#isWhole(descriptor, "manifest"));
    if (!there && role === "root") this.#lacking.add(descriptor.digest);
    const closed = there && !deep && target.closure === "image" && isImageManifestType(descriptor.mediaType);
    stack.push({
      descriptor: bareDescriptor(descriptor),
      role,
      station: station(role, descriptor, about),
      ...(subject ? { subject } : {}),
      there,
      closed,
      at: 0,
      phase: closed ? "self" : "below",
      found: [],
    });
  }

  /** Looks at the edges from where the frame stands, up to the first child that has to be entered. */
  async *#below(stack: Frame[], frame: Frame): AsyncGenerator<Step, void, undefined> {
    const edges = await this.#edges(frame);
    while (frame.at < edges.length) {
      const edge = edges[frame.at];
      if (edge?.kind === "manifest") {
        frame.at += 1;
        if (edge.role === "subject" || this.#options.without?.has(edge.descriptor.digest)) continue;
        const depth = stack.length;
        const { platform } = edge.descriptor;
        await this.#enter(stack, edge.descriptor, edge.role, platform ? { platform } : {});
        if (stack.length > depth) return;
        continue;
      }
      const run = nextBlobs(edges, frame.at);
      frame.at += run.length;
      const fresh = run.filter(({ descriptor }) => this.#isNew(descriptor));
      yield* await Promise.all(fresh.map((blob) => this.#blob(stack, blob)));
    }
    frame.phase = "self";
  }

  #isNew(descriptor: Descriptor): boolean {
    const key = nodeKey("blob", descriptor.digest);
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    return true;
  }

  async #edges(frame: Frame): Promise<readonly Edge[]> {
    try {
      return await this.#reader.edges(frame.descriptor, this.#signal());
    } catch (error) {
      if (frame.role === "root" || !isOciError(error, "MANIFEST_UNKNOWN", "BLOB_UNKNOWN")) throw error;
      throw new OciError(
        "MANIFEST_UNKNOWN",
        `The graph names ${frame.role} ${frame.descriptor.digest}, which is not in ${describeLocation(this.#options.source.location)}`,
        { digest: frame.descriptor.digest, side: "source", cause: error, hint: "Choose what is there with --platform" },
      );
    }
  }

  async #blob(stack: readonly Frame[], { role, descriptor }: Edge): Promise<ContentStep> {
    const { source, target, includeExternal } = this.#options;
    const { mediaType, urls = [] } = descriptor;
    const foreign = isNonDistributable(mediaType);
    const step = {
      type: "content",
      kind: "blob",
      role,
      descriptor: bareDescriptor(descriptor),
      requires: [],
      ...(foreign || urls.length > 0 ? { external: urls } : {}),
      ...this.#path(stack, station(role, descriptor, {})),
    } as const;
    // A mount costs what the question would cost, and answers it.
    if (this.#take === "mount" && this.#options.lease && !this.#options.deep && !step.external) {
      return { ...step, action: "mount", unasked: true, why: "mounted, whether the target has it or not" };
    }
    if (await target.exists(descriptor, { kind: "blob", ...this.#lease() })) {
      if (await this.#isWhole(descriptor, "blob")) return { ...step, action: "skip", why: "the target has it" };
      return { ...step, action: "push", why: "the target's is damaged" };
    }
    const fetchable = includeExternal === true && urls.length > 0;
    if ((foreign || fetchable) && !(await source.exists(descriptor, { kind: "blob", ...this.#signal() }))) {
      if (fetchable) return { ...step, action: "push", fetched: true, why: `fetched from ${hostOf(urls)}` };
      return { ...step, action: "skip", absent: true, why: "not distributable, and not in the source" };
    }
    return { ...step, action: this.#take, why: "the target lacks it" };
  }

  #path(stack: readonly Frame[], last?: PathNode): { path?: readonly PathNode[] } {
    if (this.#options.explain !== true) return {};
    return { path: [...stack.map((frame) => frame.station), ...(last ? [last] : [])] };
  }

  /** With `deep`, what lies in a layout or archive is read to the end: on a disk, being there does not mean being right. */
  async #isWhole(descriptor: Descriptor, kind: Kind): Promise<boolean> {
    const { target, deep } = this.#options;
    const { medium } = target.location;
    if (!deep || (medium !== "layout" && medium !== "archive")) return true;
    try {
      for await (const _chunk of target.fetch(descriptor, { kind, lent: true, ...this.#signal() }));
      return true;
    } catch (error) {
      if (isOciError(error, "DIGEST_INVALID", "SIZE_INVALID", "CONTENT_DAMAGED")) return false;
      throw error;
    }
  }

  async #self(stack: readonly Frame[], frame: Frame): Promise<ContentStep> {
    frame.phase = "referrers";
    const { descriptor, role, subject, there } = frame;
    const edges = there ? [] : await this.#reader.edges(descriptor, this.#signal());
    const children = edges.filter((edge) => edge.role !== "subject").map((edge) => edge.descriptor);
    const behind = children.filter(({ digest }) => this.#options.without?.has(digest)).length;
    const lacks = `the target lacks it${behind > 0 ? `; ${behind} of ${children.length} in it stay behind` : ""}`;
    return {
      type: "content",
      kind: "manifest",
      role,
      descriptor,
      action: there ? "skip" : "push",
      why: there ? `the target has it${frame.closed ? ", and what is below" : ""}` : lacks,
      requires: children,
      ...(subject ? { subject } : {}),
      ...this.#path(stack),
    };
  }

  /** Enters the next referrer; after the last one the frame is done. */
  async *#above(stack: Frame[], frame: Frame): AsyncGenerator<Step, void, undefined> {
    if (this.#options.referrers !== false) {
      frame.referrers ??= this.#referrers(frame.descriptor);
      const next = await frame.referrers.next();
      if (!next.done) {
        const { descriptor, via, tag } = next.value;
        const about = { via, ...(tag === undefined ? {} : { tag }) };
        // A digest tag is a name, not a listing: it comes over with the names.
        if (tag === undefined) frame.found.push(descriptor);
        await this.#enter(stack, descriptor, "referrer", about, tag === undefined ? frame.descriptor : undefined);
        return;
      }
    }
    stack.pop();
    if (frame.found.length > 0) yield { type: "referrers", subject: frame.descriptor, referrers: frame.found };
  }

  async *#referrers(subject: Descriptor): AsyncGenerator<Referrer, void, undefined> {
    const { source, artifactTypes } = this.#options;
    for await (const { descriptor, via, tag } of source.referrers(subject, this.#signal())) {
      if (via === "digest-tag" && tag !== undefined) {
        if (artifactTypes) continue;
        const bare = bareDescriptor(descriptor);
        this.#digestTags.set(tag, bare);
        yield { descriptor: bare, via, tag };
      } else if (!artifactTypes || artifactTypes.includes(descriptor.artifactType ?? "")) {
        yield { descriptor, via };
      }
    }
  }

  /** Options of what the target is asked for. */
  #lease(): LeaseOption {
    return { ...this.#signal(), ...(this.#options.lease === undefined ? {} : { lease: this.#options.lease }) };
  }

  #signal(): Signal {
    return this.#options.signal ? { signal: this.#options.signal } : {};
  }
}
