/** On which manifests of an index something has to hang. A plain image is its own index and its own child. */
export type Where =
  /** On the index. */
  | "index"
  /** On every image in it. */
  | "children"
  /** On both. */
  | "all"
  /** On the index, or else on every image in it. */
  | "either";

export const PLACES: readonly Where[] = ["index", "children", "all", "either"];
