import type { Descriptor } from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import { MediaType } from "./media-type.ts";

/** `{}`: the content of the empty descriptor (image-spec manifest.md, "Guidance for an Empty Descriptor"). */
export const emptyBytes: Uint8Array = Buffer.from("{}");

export const emptyDescriptor: Descriptor = {
  mediaType: MediaType.Empty,
  digest: "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a" as Digest,
  size: 2,
};
