import { OciError } from "../error/oci-error.ts";
import { ManifestReader } from "../graph/manifest-reader.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import { Limits } from "../spec/limits.ts";
import { isIndexType } from "../spec/media-type.ts";
import type { Signal } from "../store/content.ts";
import type { Source } from "../store/store.ts";

/**
 * A manifest and, when it is an index, every manifest in it, indexes inside it included; each once, the index first.
 * @throws OciError LIMIT_EXCEEDED, and what the source throws
 */
export async function membersOf(
  source: Pick<Source, "fetch">,
  root: Descriptor,
  options: Signal = {},
): Promise<readonly Descriptor[]> {
  const reader = new ManifestReader(source);
  const members = new Map<Digest, Descriptor>([[root.digest, root]]);
  // A map hands out what is added while it is walked.
  for (const member of members.values()) {
    if (!isIndexType(member.mediaType)) continue;
    for (const { role, descriptor } of await reader.edges(member, options)) {
      if (role === "child" && !members.has(descriptor.digest)) members.set(descriptor.digest, descriptor);
    }
    if (members.size > Limits.discoverNodes) {
      throw new OciError("LIMIT_EXCEEDED", `${root.digest} holds more than ${Limits.discoverNodes} manifests`, {
        digest: root.digest,
      });
    }
  }
  return [...members.values()];
}
