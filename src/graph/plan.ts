import { isOciError, OciError } from "../error/oci-error.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { bareDescriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { isImageManifestType, isNonDistributable } from "../spec/media-type.ts";
import type { LeaseOption } from "../store/blobs.ts";
import type { Signal } from "../store/content.ts";
import type { NameChange } from "../store/names.ts";
import { describeLocation } from "../store/describe-location.ts";
import type { Kind, Location, Source } from "../store/store.ts";
import type { Edge } from "../store/successors.ts";
import { ManifestReader } from "./manifest-reader.ts";
import { type Action, type ContentStep, nodeKey, type NodeKey, type Step } from "./step.ts";

/** A manifest to bring over, and the tags it gets at the target. */
export interface Root {
  readonly descriptor: Descriptor;
  readonly tags: readonly string[];
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
  /** Shared with the execution, so that no manifest is read twice. */
  readonly reader?: ManifestReader;
}

/** Existence checks of one manifest's blobs that are under way at a time. */
const CHECKS = 16;

/**
 * Plans a copy as a stream of steps: children before parents, subjects before their
 * referrers, names last. Reads only. The walk is iterative and holds descriptors of the
 * open path alone; what it remembers of the rest is one key per node.
 * @throws OciError MANIFEST_UNKNOWN when the source lacks a part of the graph
 */
export async function* plan(options: PlanOptions): AsyncGenerator<Step, void, undefined> {
  yield* new Planner(options).run();
}

/** What hangs on a manifest, by listing or by a digest tag. */
interface Found {
  readonly descriptor: Descriptor;
  readonly tagged: boolean;
}

interface Frame {
  readonly descriptor: Descriptor;
  readonly role: ContentStep["role"];
  readonly subject?: Descriptor;
  /** The target holds this manifest. */
  readonly there: boolean;
  /** Nothing below needs a look. */
  readonly closed: boolean;
  /** Next edge to look at. */
  at: number;
  phase: "below" | "self" | "referrers";
  referrers?: AsyncIterator<Found>;
  found: Descriptor[];
}

class Planner {
  readonly #options: PlanOptions;
  readonly #reader: ManifestReader;
  readonly #seen = new Set<NodeKey>();
  readonly #digestTags = new Map<string, Descriptor>();
  readonly #take: Action;

  constructor(options: PlanOptions) {
    this.#options = options;
    this.#reader = options.reader ?? new ManifestReader(options.source);
    this.#take = shortcut(options.source.location, options.target.location);
  }

  async *run(): AsyncGenerator<Step, void, undefined> {
    for (const root of this.#options.roots) yield* this.#walk(root.descriptor);
    const wanted: NameChange[] = [...this.#digestTags].map(([tag, to]) => ({ tag, to }));
    for (const { descriptor, tags } of this.#options.roots) {
      for (const tag of tags) wanted.push({ tag, to: bareDescriptor(descriptor) });
    }
    const changes: NameChange[] = [];
    const unchanged: string[] = [];
    for (const change of wanted) {
      if ((await this.#current(change.tag)) === change.to?.digest) unchanged.push(change.tag);
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

  async *#walk(root: Descriptor): AsyncGenerator<Step, void, undefined> {
    const stack: Frame[] = [];
    await this.#enter(stack, root, "root");
    for (let frame = stack.at(-1); frame; frame = stack.at(-1)) {
      this.#options.signal?.throwIfAborted();
      if (frame.phase === "below") yield* this.#below(stack, frame);
      else if (frame.phase === "self") yield await this.#self(frame);
      else yield* this.#above(stack, frame);
    }
  }

  async #enter(stack: Frame[], descriptor: Descriptor, role: Frame["role"], subject?: Descriptor): Promise<void> {
    const key = nodeKey("manifest", descriptor.digest);
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    const { target, deep } = this.#options;
    const there =
      (await target.exists(descriptor, { kind: "manifest", ...this.#lease() })) &&
      (await this.#isWhole(descriptor, "manifest"));
    const closed = there && !deep && target.closure === "image" && isImageManifestType(descriptor.mediaType);
    stack.push({
      descriptor: bareDescriptor(descriptor),
      role,
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
        if (edge.role === "subject") continue;
        const depth = stack.length;
        await this.#enter(stack, edge.descriptor, edge.role);
        if (stack.length > depth) return;
        continue;
      }
      const run = nextBlobs(edges, frame.at);
      frame.at += run.length;
      const fresh = run.filter(({ descriptor }) => this.#isNew(descriptor));
      yield* await Promise.all(fresh.map((blob) => this.#blob(blob)));
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

  async #blob({ role, descriptor }: Edge): Promise<ContentStep> {
    const { source, target } = this.#options;
    const step = { type: "content", kind: "blob", role, descriptor: bareDescriptor(descriptor), requires: [] } as const;
    if (await target.exists(descriptor, { kind: "blob", ...this.#lease() })) {
      if (await this.#isWhole(descriptor, "blob")) return { ...step, action: "skip", why: "the target has it" };
      return { ...step, action: "push", why: "the target's is damaged" };
    }
    if (isNonDistributable(descriptor.mediaType)) {
      const here = await source.exists(descriptor, { kind: "blob", ...this.#signal() });
      if (!here) return { ...step, action: "skip", why: "not distributable, and not in the source" };
    }
    return { ...step, action: this.#take, why: "the target lacks it" };
  }

  /** With `deep`, what lies in a layout is read to the end: on a disk, being there does not mean being right. */
  async #isWhole(descriptor: Descriptor, kind: Kind): Promise<boolean> {
    const { target, deep } = this.#options;
    if (!deep || target.location.medium !== "layout") return true;
    try {
      for await (const _chunk of target.fetch(descriptor, { kind, lent: true, ...this.#signal() }));
      return true;
    } catch (error) {
      if (isOciError(error, "DIGEST_INVALID", "SIZE_INVALID", "CONTENT_DAMAGED")) return false;
      throw error;
    }
  }

  async #self(frame: Frame): Promise<ContentStep> {
    frame.phase = "referrers";
    const { descriptor, role, subject, there } = frame;
    const edges = there ? [] : await this.#reader.edges(descriptor, this.#signal());
    return {
      type: "content",
      kind: "manifest",
      role,
      descriptor,
      action: there ? "skip" : "push",
      why: there
        ? frame.closed
          ? "the target has it, and what is below"
          : "the target has it"
        : "the target lacks it",
      requires: edges.filter((edge) => edge.role !== "subject").map((edge) => edge.descriptor),
      ...(subject ? { subject } : {}),
    };
  }

  /** Enters the next referrer; after the last one the frame is done. */
  async *#above(stack: Frame[], frame: Frame): AsyncGenerator<Step, void, undefined> {
    if (this.#options.referrers !== false) {
      frame.referrers ??= this.#referrers(frame.descriptor);
      const next = await frame.referrers.next();
      if (!next.done) {
        const { descriptor, tagged } = next.value;
        // A digest tag is a name, not a listing: it comes over with the names.
        if (!tagged) frame.found.push(descriptor);
        await this.#enter(stack, descriptor, "referrer", tagged ? undefined : frame.descriptor);
        return;
      }
    }
    stack.pop();
    if (frame.found.length > 0) yield { type: "referrers", subject: frame.descriptor, referrers: frame.found };
  }

  async *#referrers(subject: Descriptor): AsyncGenerator<Found, void, undefined> {
    const { source, artifactTypes } = this.#options;
    for await (const { descriptor, via, tag } of source.referrers(subject, this.#signal())) {
      if (via === "digest-tag" && tag !== undefined) {
        if (artifactTypes) continue;
        const bare = bareDescriptor(descriptor);
        this.#digestTags.set(tag, bare);
        yield { descriptor: bare, tagged: true };
      } else if (!artifactTypes || artifactTypes.includes(descriptor.artifactType ?? "")) {
        yield { descriptor, tagged: false };
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

function nextBlobs(edges: readonly Edge[], start: number): readonly Edge[] {
  const run: Edge[] = [];
  for (let at = start; at < edges.length && run.length < CHECKS; at += 1) {
    const edge = edges[at];
    if (edge?.kind !== "blob") break;
    run.push(edge);
  }
  return run;
}

/** How a blob may come over without passing through here. */
function shortcut(source: Location, target: Location): Action {
  if (source.medium === "registry" && target.medium === "registry")
    return source.origin === target.origin ? "mount" : "push";
  if (source.medium === "layout" && target.medium === "layout") return "link";
  return source.medium === "memory" && target.medium === "memory" ? "link" : "push";
}
