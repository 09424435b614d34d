import { Annotation } from "../spec/annotation.ts";
import type { Annotations, Descriptor } from "../spec/descriptor.ts";
import type { Via } from "../store/names.ts";

/** An annotation that is asked for; without a value, any value will do. */
export interface AnnotationMatch {
  readonly key: string;
  readonly value?: string;
}

export type ReferrerSort = "created" | "size" | "type";

/** Which referrers are wanted, and in which order. */
export interface ReferrerChoice {
  /** Only referrers of this type, and what lies on the way to them. */
  readonly artifactType?: string;
  /** Only referrers that have all of these, and what lies on the way to them. */
  readonly annotations?: readonly AnnotationMatch[];
  /**
   * The order of the referrers of each node: by time, in bytes, by the letters of the type. Those that do not say
   * come last, in either direction; equal ones stay as they were listed. As they are listed when absent.
   */
  readonly sort?: ReferrerSort;
  /** The other way round. */
  readonly descending?: boolean;
  /** Of each node, only so many referrers: the first, after filter and order. */
  readonly top?: number;
}

/** What is looked at in a node. */
interface Arranged<Node> {
  readonly descriptor: Descriptor;
  readonly artifactType?: string;
  readonly annotations?: Annotations;
  readonly created?: string;
  readonly via?: Via;
  children: Node[];
  referrers: Node[];
}

/** The names that the time of creation goes by, the one of today first. */
const CREATED = [Annotation.Created, Annotation.OciArtifactCreated, Annotation.OrasCreated] as const;

/**
 * When something was made, as its annotations say: the first spelling that
 * holds a time, else the first that holds anything.
 */
export function createdOf(annotations: Annotations | undefined): string | undefined {
  const said = CREATED.flatMap((key) => annotations?.[key] ?? []);
  return said.find((text) => !Number.isNaN(Date.parse(text))) ?? said[0];
}

/** Whether a choice looks at annotations, so that a listing without them does not do. */
export function needsAnnotations({ annotations = [], sort }: ReferrerChoice): boolean {
  return annotations.length > 0 || sort === "created";
}

/** Whether a choice drops referrers by what they are. */
export function isFilter({ artifactType, annotations = [] }: ReferrerChoice): boolean {
  return artifactType !== undefined || annotations.length > 0;
}

function isWanted<Node extends Arranged<Node>>(node: Node, choice: ReferrerChoice): boolean {
  if (node.via === undefined) return false;
  if (choice.artifactType !== undefined && node.artifactType !== choice.artifactType) return false;
  return (choice.annotations ?? []).every(({ key, value }) => {
    const found =
      node.annotations !== undefined && Object.hasOwn(node.annotations, key) ? node.annotations[key] : undefined;
    return found !== undefined && (value === undefined || found === value);
  });
}

/** What a node is ordered by; undefined where it does not say. */
function sortKey<Node extends Arranged<Node>>(node: Node, sort: ReferrerSort): number | string | undefined {
  if (sort === "size") return node.descriptor.size;
  if (sort === "type") return node.artifactType;
  const time = node.created === undefined ? Number.NaN : Date.parse(node.created);
  return Number.isNaN(time) ? undefined : time;
}

/** Orders the referrers of one node and keeps the first. */
export function orderReferrers<Node extends Arranged<Node>>(nodes: readonly Node[], choice: ReferrerChoice): Node[] {
  const { sort, descending = false, top = nodes.length } = choice;
  if (sort === undefined) return nodes.slice(0, top);
  const keyed = nodes.map((node) => ({ node, key: sortKey(node, sort) }));
  keyed.sort((a, b) => {
    if (a.key === b.key) return 0;
    if (a.key === undefined) return 1;
    if (b.key === undefined) return -1;
    return a.key < b.key === descending ? 1 : -1;
  });
  return keyed.slice(0, top).map(({ node }) => node);
}

/** Leaves of a tree what is wanted and the way there, in order. Gives whether anything is left. */
export function arrange<Node extends Arranged<Node>>(node: Node, choice: ReferrerChoice): boolean {
  const keep = (below: Node): boolean => arrange(below, choice) || !isFilter(choice);
  node.children = node.children.filter(keep);
  node.referrers = orderReferrers(node.referrers.filter(keep), choice);
  return isWanted(node, choice) || node.children.length > 0 || node.referrers.length > 0;
}
