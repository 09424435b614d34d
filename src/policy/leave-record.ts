import { isOciError } from "../error/oci-error.ts";
import { attestManifests } from "../sign/sign.ts";
import type { Signer } from "../sign/signer.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { JsonObject } from "../spec/json.ts";
import { formatReference } from "../spec/reference.ts";
import type { Signal } from "../store/content.ts";
import type { Store } from "../store/store.ts";
import type { Place } from "./match.ts";

/** Who signs the record. */
export interface PromotedBy {
  readonly signer: Signer;
  /** What the record says of them. */
  readonly facts: Readonly<Record<string, string>>;
}

/** A signed statement about a manifest whose tags are to move. */
export interface MoveRecord extends Signal {
  readonly subject: Descriptor;
  readonly place: Pick<Place, "repository" | "registry">;
  readonly signer: Signer;
  readonly predicateType: string;
  readonly predicate: JsonObject;
  readonly now: Date;
}

/** Leaves the record, then moves the tags; where they do not move, the record is taken back. */
export async function movingWithRecord<T>(
  target: Store,
  record: MoveRecord,
  move: () => Promise<T>,
): Promise<T & { readonly record?: Descriptor }> {
  const { subject, place, signer, predicateType, predicate, now, signal } = record;
  const { repository, registry } = place;
  const reference = registry === undefined ? {} : { reference: formatReference({ host: registry, repository }) };
  const [signed] = await attestManifests({
    subjects: [{ target, descriptor: subject, ...reference }],
    signer,
    predicateType,
    predicate,
    createdAt: now,
    ...(signal ? { signal } : {}),
  });
  const manifest = signed?.manifest;
  try {
    return { ...(await move()), ...(manifest ? { record: manifest } : {}) };
  } catch (error) {
    // It tells of what did not happen. Where it cannot be removed it does no harm: no tag points there. What happened in
    // part is undone by it.
    if (manifest && !isOciError(error, "PARTIAL"))
      await target.delete?.(manifest, { kind: "manifest" }).catch(() => undefined);
    throw error;
  }
}
