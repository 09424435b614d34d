import type { Descriptor } from "../../src/spec/descriptor.ts";
import { fallbackTag } from "../../src/spec/referrer.ts";
import type { Source, Store } from "../../src/store/store.ts";
import { successors } from "../../src/store/successors.ts";
import { image, index, pushImage, pushManifest, readAll } from "./content.ts";

export interface SampleGraph {
  readonly root: Descriptor;
  readonly children: readonly Descriptor[];
  /** Everything that hangs above the root or a child, at any depth. */
  readonly referrers: readonly Descriptor[];
  /** Digest tags that belong to the graph. */
  readonly digestTags: readonly string[];
}

/** A two-platform index with an SBOM on it, a signature on the SBOM, a scan on one child, and a cosign tag. */
export async function pushSampleGraph(store: Store, tag: string): Promise<SampleGraph> {
  const amd = await pushImage(store, image("amd64"));
  const arm = await pushImage(store, image("arm64"));
  const children = [
    { ...amd, platform: { os: "linux", architecture: "amd64" } },
    { ...arm, platform: { os: "linux", architecture: "arm64" } },
  ];
  const top = index(children);
  await pushManifest(store, top);
  const root = top.descriptor;
  const sbom = await pushImage(
    store,
    image("sbom", {
      subject: root,
      artifactType: "application/vnd.cyclonedx+json",
      annotations: { "org.example.of": "root" },
    }),
  );
  const signature = await pushImage(
    store,
    image("signature", { subject: sbom, artifactType: "application/x.signature" }),
  );
  const scan = await pushImage(store, image("scan", { subject: amd, artifactType: "application/sarif+json" }));
  const digestTag = `${fallbackTag(arm.digest)}.sig`;
  await pushImage(store, image("cosign"), [digestTag]);
  await store.update([{ tag, to: root }]);
  return { root, children: [amd, arm], referrers: [sbom, signature, scan], digestTags: [digestTag] };
}

/** Every digest below a manifest, read back and so verified; throws where one is missing. */
export async function readWhole(store: Source, root: Descriptor): Promise<Set<string>> {
  const seen = new Set<string>();
  const open: Descriptor[] = [root];
  for (let next = open.pop(); next; next = open.pop()) {
    if (seen.has(next.digest)) continue;
    seen.add(next.digest);
    const bytes = await readAll(store.fetch(next));
    for (const edge of successors(next, bytes)) {
      if (edge.kind === "manifest") {
        if (edge.role === "child") open.push(edge.descriptor);
      } else if (!seen.has(edge.descriptor.digest)) {
        await readAll(store.fetch(edge.descriptor, { kind: "blob" }));
        seen.add(edge.descriptor.digest);
      }
    }
    for await (const { descriptor } of store.referrers(next)) open.push(descriptor);
  }
  return seen;
}
