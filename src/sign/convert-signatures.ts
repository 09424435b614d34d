import { isOciError, OciError } from "../error/oci-error.ts";
import type { Annotations, Descriptor } from "../spec/descriptor.ts";
import { isJsonObject } from "../spec/json.ts";
import type { Signal } from "../store/content.ts";
import type { Store } from "../store/store.ts";
import { Budget, type SignatureLimits } from "./budget.ts";
import { encodeBundle, keyMaterial, parseBundle } from "./bundle.ts";
import type { ConvertedSignature } from "./converted-signature.ts";
import { sbomsToReferrers, sbomsToTag } from "./convert-sboms.ts";
import { Deposit, type SignatureStorage } from "./deposit.ts";
import { encodeDsse, parseDsse } from "./dsse.ts";
import type { FoundSignature } from "./found-signature.ts";
import { listSignatures } from "./list-signatures.ts";
import { SignatureAnnotation, SignatureMedia } from "./media.ts";
import { pieceOf, type SignTarget } from "./place.ts";
import { preparePlainReferrer } from "./plain-referrer.ts";
import { parseObject } from "./signed-json.ts";
import { parseStatement, SIGN_PREDICATE } from "./statement.ts";
import type { PreparedReferrer } from "./referrer.ts";

export interface ConvertOptions extends Signal {
  readonly target: SignTarget & Pick<Store, "delete">;
  /** Resolved. */
  readonly subject: Descriptor;
  readonly to: SignatureStorage;
  readonly dryRun?: boolean;
  /** Removes what was converted, at the end; where a part of a manifest stayed as it was, all of it stays. */
  readonly remove?: boolean;
  /** When the referrers say that they were made; 1970 when absent, so that the same again adds nothing. */
  readonly createdAt?: Date;
  readonly limits?: SignatureLimits;
}

/**
 * Writes what lies under cosign 2's tags as referrers too, or the other way, so that tools of both kinds find it.
 * Nothing is signed anew: what a signature is over stays the same, so a signature in one form
 * that has no other stays where it is, and says so.
 * @throws OciError LIMIT_EXCEEDED, and what the target throws
 */
export async function convertSignatures(options: ConvertOptions): Promise<readonly ConvertedSignature[]> {
  const { target, subject, signal } = options;
  const waits = signal ? { signal } : {};
  const budget = new Budget(subject, options.limits);
  const conversion = new Conversion(options, budget);
  const results: ConvertedSignature[] = [];
  for (const found of await listSignatures({ source: target, subject, budget, ...waits })) {
    if ((found.tag === undefined) === (options.to === "referrer")) continue;
    results.push(await conversion.signature(found));
  }
  const { deposit } = conversion;
  const { createdAt = LONG_AGO, dryRun = false } = options;
  const sboms = { target, subject, budget, deposit, createdAt, dryRun, waits };
  results.push(...(await (options.to === "referrer" ? sbomsToReferrers(sboms) : sbomsToTag(sboms))));
  await deposit.flush();
  return options.remove === true ? removeConverted(results, options) : results;
}

const LONG_AGO = new Date(0);

/**
 * Takes away what is in another form now: a tag, if it still is what was read; a referrer with its listing. What only a
 * tag held is left to the garbage collection.
 * @throws OciError UNSUPPORTED where the medium removes nothing, CONFLICT for a tag that moved meanwhile
 */
async function removeConverted(
  results: readonly ConvertedSignature[],
  { target, to, dryRun = false, signal }: ConvertOptions,
): Promise<readonly ConvertedSignature[]> {
  const staying = new Set(results.flatMap(({ kept, from }) => (kept === undefined ? [] : [from.digest])));
  const going = new Map(
    results.filter(({ from }) => !staying.has(from.digest)).map((each) => [each.from.digest, each]),
  );
  const waits = signal ? { signal } : {};
  for (const { from, tag } of dryRun ? [] : going.values()) {
    if (to === "tag") {
      if (target.delete === undefined) throw new OciError("UNSUPPORTED", "This medium does not remove manifests");
      await target.delete(from, { kind: "manifest", ...waits });
    } else if (tag !== undefined) {
      await target.update([{ tag, to: null, expect: from.digest }], waits);
    }
  }
  return results.map((each) => (going.has(each.from.digest) ? { ...each, removed: true } : each));
}

class Conversion {
  readonly deposit: Deposit;
  readonly #options: ConvertOptions;
  readonly #budget: Budget;
  readonly #waits: Signal;

  constructor(options: ConvertOptions, budget: Budget) {
    this.#options = options;
    this.#budget = budget;
    this.#waits = options.signal ? { signal: options.signal } : {};
    this.deposit = new Deposit(this.#waits);
  }

  async signature(found: FoundSignature): Promise<ConvertedSignature> {
    const facts = { kind: found.kind, from: found.manifest, ...(found.tag === undefined ? {} : { tag: found.tag }) };
    const { layer } = found;
    if (found.problem !== undefined || layer === undefined) {
      return { ...facts, kept: found.problem ?? "it has no content" };
    }
    try {
      const bytes = await this.#budget.read(this.#options.target, layer, "blob", this.#waits);
      const manifest =
        this.#options.to === "referrer"
          ? await this.#toReferrer(found, layer, bytes)
          : await this.#toTag(found, layer, bytes);
      if (typeof manifest === "string") return { ...facts, kept: manifest };
      return { ...facts, ...(manifest === undefined ? {} : { manifest }) };
    } catch (error) {
      if (isOciError(error, "MANIFEST_INVALID")) return { ...facts, kept: error.message };
      throw error;
    }
  }

  /** An attestation's envelope is the same in a bundle; the payload of a simple signature has no place in one. */
  async #toReferrer(
    { kind }: FoundSignature,
    layer: Descriptor,
    bytes: Uint8Array,
  ): Promise<Descriptor | string | undefined> {
    const createdAt = this.#options.createdAt ?? LONG_AGO;
    const { subject, target, dryRun } = this.#options;
    if (kind === "cosign-simple") {
      return this.#push(
        preparePlainReferrer(subject, SignatureMedia.CosignSignature, { descriptor: layer, bytes }, createdAt),
      );
    }
    if (kind !== "cosign-attestation") return `${kind} under a tag has no other form`;
    if (Object.keys(layer.annotations ?? {}).some((key) => key.startsWith("dev.sigstore.cosign/"))) {
      return "it is signed with a certificate or logged, which its envelope does not say";
    }
    const envelope = parseDsse(parseObject(bytes, "DSSE envelope"));
    const { predicateType } = parseStatement(envelope.payload);
    const [first, ...more] = envelope.signatures;
    if (first === undefined || more.length > 0) return "a bundle has one signature, it has several";
    if (dryRun) return undefined;
    const content = { kind: "dsse", envelope: { ...envelope, signatures: [{ bytes: first.bytes }] } } as const;
    const bundle = encodeBundle(content, keyMaterial(first.keyId));
    const stored = await this.deposit.bundle(target, {
      subject,
      bundle,
      content: "dsse-envelope",
      predicateType,
      createdAt,
    });
    return stored.manifest;
  }

  async #toTag(
    { kind }: FoundSignature,
    layer: Descriptor,
    bytes: Uint8Array,
  ): Promise<Descriptor | string | undefined> {
    const { subject, target, dryRun } = this.#options;
    const add = async (
      suffix: ".sig" | ".att",
      content: Uint8Array,
      mediaType: string,
      annotations: Annotations,
    ): Promise<Descriptor | undefined> =>
      dryRun
        ? undefined
        : (await this.deposit.layer(target, { subject, suffix, content: pieceOf(content, mediaType), annotations }))
            .manifest;
    if (kind === "cosign-simple") return add(".sig", bytes, layer.mediaType, layer.annotations ?? {});
    if (kind === "cosign-attestation") return add(".att", bytes, layer.mediaType, layer.annotations ?? {});
    if (kind !== "sigstore-bundle") return `${kind} has no form under a tag`;
    const { content, document } = parseBundle(bytes);
    const material = document["verificationMaterial"];
    if (content.kind !== "dsse" || !isJsonObject(material) || material["publicKey"] === undefined) {
      return "only attestations that a key signed have a form under a tag";
    }
    const { predicateType } = parseStatement(content.envelope.payload);
    if (predicateType === SIGN_PREDICATE) return "what this signature is over is not what cosign 2 signs";
    const envelope = {
      ...content.envelope,
      signatures: content.envelope.signatures.map((each) => ({ keyId: "", ...each })),
    };
    return add(".att", encodeDsse(envelope), SignatureMedia.Dsse, {
      [SignatureAnnotation.Signature]: "",
      [SignatureAnnotation.PredicateType]: predicateType,
    });
  }

  async #push(prepared: PreparedReferrer): Promise<Descriptor | undefined> {
    if (this.#options.dryRun === true) return undefined;
    await this.deposit.referrer(this.#options.target, prepared);
    return prepared.manifest.descriptor;
  }
}
