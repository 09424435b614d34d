import { Annotation } from "../spec/annotation.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { formatTime } from "../spec/time.ts";
import type { Piece } from "./place.ts";
import { prepareReferrer, type PreparedReferrer } from "./referrer.ts";

/** An artifact that says when it was made, and nothing else of itself. */
export function preparePlainReferrer(
  subject: Descriptor,
  artifactType: string,
  layer: Piece,
  createdAt: Date,
): PreparedReferrer {
  return prepareReferrer({
    subject,
    artifactType,
    layer,
    annotations: { [Annotation.Created]: formatTime(createdAt) },
  });
}
