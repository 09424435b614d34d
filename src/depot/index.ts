/** Many repositories below one root, each a layout, with a catalog for their names. */
export type { Disk } from "../disk/disk.ts";
export type { Depot } from "./depot.ts";
export type { DepotEvent } from "./event.ts";
export type { FollowEvent } from "./follow-event.ts";
export { type DepotOptions, openDepot } from "./open-depot.ts";
export { reindex, type ReindexOptions, type ReindexReport } from "./reindex.ts";
