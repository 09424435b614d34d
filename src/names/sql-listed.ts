import { type Descriptor, parseAnnotations } from "../spec/descriptor.ts";
import type { SqlRow } from "./sql-database.ts";
import { digestOfKey } from "./sql-digest.ts";

/** The descriptor in a row of the table `manifest`, as a listing of referrers shows it. */
export function listedDescriptor(row: SqlRow): Descriptor {
  const { artifact_type: artifactType, annotations } = row;
  return {
    mediaType: String(row["media_type"]),
    digest: digestOfKey(row["digest"] as Uint8Array),
    size: Number(row["size"]),
    ...(typeof artifactType === "string" ? { artifactType } : {}),
    ...(typeof annotations === "string"
      ? { annotations: parseAnnotations(JSON.parse(annotations), "the catalog") }
      : {}),
  };
}
