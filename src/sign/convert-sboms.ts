import { isOciError } from "../error/oci-error.ts";
import { bareDescriptor, type Descriptor } from "../spec/descriptor.ts";
import { type Manifest, parseManifest } from "../spec/manifest.ts";
import type { Signal } from "../store/content.ts";
import type { Referrer } from "../store/names.ts";
import type { Budget } from "./budget.ts";
import type { ConvertedSignature } from "./converted-signature.ts";
import type { Deposit } from "./deposit.ts";
import type { SignTarget } from "./place.ts";
import { preparePlainReferrer } from "./plain-referrer.ts";
import { placeLayer } from "./store-layer.ts";

/** What SBOMs of a subject are converted with. */
export interface SbomConversion {
  readonly target: SignTarget;
  readonly subject: Descriptor;
  readonly budget: Budget;
  readonly deposit: Deposit;
  readonly createdAt: Date;
  readonly dryRun: boolean;
  readonly waits: Signal;
}

/** As artifact types; cosign 2 has the same as media types of layers. */
const SBOM_TYPES: readonly string[] = [
  "application/spdx+json",
  "text/spdx",
  "text/spdx+json",
  "text/spdx+xml",
  "application/vnd.cyclonedx",
  "application/vnd.cyclonedx+json",
  "application/vnd.cyclonedx+xml",
  "application/vnd.syft+json",
];

/** Each file under `.sbom`, which nobody signed, becomes an artifact of its own type. @throws what the target throws */
export async function sbomsToReferrers(conversion: SbomConversion): Promise<readonly ConvertedSignature[]> {
  const { target, subject, budget, deposit, createdAt, dryRun, waits } = conversion;
  const results: ConvertedSignature[] = [];
  for await (const { descriptor, tag } of target.referrers(subject, waits)) {
    if (tag?.endsWith(".sbom") !== true) continue;
    budget.count();
    const facts = { kind: "sbom", from: bareDescriptor(descriptor), tag } as const;
    const manifest = await readManifest(descriptor, conversion);
    if (typeof manifest === "string") {
      results.push({ ...facts, kept: manifest });
      continue;
    }
    for (const layer of manifest) {
      const bytes = await budget.read(target, layer, "blob", waits);
      const prepared = preparePlainReferrer(subject, layer.mediaType, { descriptor: layer, bytes }, createdAt);
      if (!dryRun) await deposit.referrer(target, prepared);
      results.push({ ...facts, ...(dryRun ? {} : { manifest: prepared.manifest.descriptor }) });
    }
  }
  return results;
}

/** The SBOM that hangs there goes under `.sbom`, which has room for one. @throws what the target throws */
export async function sbomsToTag(conversion: SbomConversion): Promise<readonly ConvertedSignature[]> {
  const { target, subject, budget, dryRun, waits } = conversion;
  const results: ConvertedSignature[] = [];
  let taken: string | undefined;
  // Before anything is written: a medium may show what comes meanwhile.
  const found: Referrer[] = [];
  for await (const referrer of target.referrers(subject, waits)) {
    if (referrer.via === "digest-tag" || !SBOM_TYPES.includes(referrer.descriptor.artifactType ?? "")) continue;
    budget.count();
    found.push(referrer);
  }
  for (const { descriptor } of found) {
    const facts = { kind: "sbom", from: bareDescriptor(descriptor) } as const;
    const layers = await readManifest(descriptor, conversion);
    const [layer, ...more] = typeof layers === "string" ? [] : layers;
    if (layer === undefined || more.length > 0) {
      results.push({ ...facts, kept: typeof layers === "string" ? layers : "the tag has room for one file" });
      continue;
    }
    const other = "another SBOM is under the tag, which has room for one";
    if (taken !== undefined && taken !== layer.digest) {
      results.push({ ...facts, kept: other });
      continue;
    }
    const { artifactType = layer.mediaType } = descriptor;
    const content = {
      descriptor: { mediaType: artifactType, digest: layer.digest, size: layer.size },
      bytes: await budget.read(target, layer, "blob", waits),
    };
    const placed = await placeLayer(target, { subject, suffix: ".sbom", content, dryRun }, waits);
    if (placed === "taken") {
      results.push({ ...facts, kept: other });
      continue;
    }
    taken = layer.digest;
    results.push({ ...facts, ...(placed.manifest === undefined ? {} : { manifest: placed.manifest }) });
  }
  return results;
}

/** Its layers, or why it has none that can be converted. */
async function readManifest(
  descriptor: Descriptor,
  { target, budget, waits }: SbomConversion,
): Promise<readonly Descriptor[] | string> {
  let manifest: Manifest;
  try {
    manifest = parseManifest(await budget.read(target, descriptor, "manifest", waits), descriptor.mediaType);
  } catch (error) {
    if (isOciError(error, "MANIFEST_INVALID")) return error.message;
    throw error;
  }
  return manifest.form === "image" ? manifest.layers : "it is no artifact with files";
}
