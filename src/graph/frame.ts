import type { Descriptor } from "../spec/descriptor.ts";
import type { Referrer } from "../store/names.ts";
import type { Edge } from "../store/successors.ts";
import type { PathNode, StepRole } from "./step.ts";

/** A manifest on the open path of a walk. */
export interface Frame {
  readonly descriptor: Descriptor;
  readonly role: StepRole;
  readonly station: PathNode;
  readonly subject?: Descriptor;
  /** The target holds this manifest. */
  readonly there: boolean;
  /** Nothing below needs a look. */
  readonly closed: boolean;
  /** Next edge to look at. */
  at: number;
  phase: "below" | "self" | "referrers";
  referrers?: AsyncIterator<Referrer>;
  found: Descriptor[];
}

/** Existence checks of one manifest's blobs that are under way at a time. */
const CHECKS = 16;

/** The blobs that follow each other from an edge on. */
export function nextBlobs(edges: readonly Edge[], start: number): readonly Edge[] {
  const run: Edge[] = [];
  for (let at = start; at < edges.length && run.length < CHECKS; at += 1) {
    const edge = edges[at];
    if (edge?.kind !== "blob") break;
    run.push(edge);
  }
  return run;
}

/** A node as a station of paths. */
export function station(role: StepRole, descriptor: Descriptor, about: Partial<PathNode>): PathNode {
  const { mediaType, digest, artifactType } = descriptor;
  return { role, mediaType, digest, ...(artifactType === undefined ? {} : { artifactType }), ...about };
}

/** The host that a layer is fetched from, for people. */
export function hostOf(urls: readonly string[]): string {
  const [url = ""] = urls;
  return URL.canParse(url) ? new URL(url).host : "its URL";
}
