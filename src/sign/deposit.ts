import type { Descriptor } from "../spec/descriptor.ts";
import type { Signal } from "../store/content.ts";
import type { ReferrersChange } from "../store/store.ts";
import type { FoundSignature } from "./found-signature.ts";
import { type PreparedReferrer, pushReferrer } from "./referrer.ts";
import { type BundleReferrer, prepareBundleReferrer } from "./store-bundle.ts";
import { appendLayer, cosignTag, type SignatureLayer } from "./store-layer.ts";
import type { SignTarget } from "./place.ts";

/** Where signatures go: a bundle as a referrer (cosign 3 and others), or cosign 2's tags. */
export type SignatureStorage = "referrer" | "tag";

/** What was stored, or would be. */
export interface StoredSignature {
  readonly kind: FoundSignature["kind"];
  /** Absent in a dry run: it is decided by the signature. */
  readonly manifest?: Descriptor;
  readonly layer?: Descriptor;
  readonly tag?: string;
  /** The very same one was there already. */
  readonly existed: boolean;
}

/** Takes signatures in, one at a time for each subject; {@link flush} lists what a medium lists in batches. */
export class Deposit {
  readonly #options: Signal;
  readonly #unlisted = new Map<SignTarget, Map<string, { subject: Descriptor; add: Descriptor[] }>>();

  constructor(options: Signal) {
    this.#options = options;
  }

  async bundle(target: SignTarget, referrer: BundleReferrer): Promise<StoredSignature> {
    const prepared = prepareBundleReferrer(referrer);
    await this.referrer(target, prepared);
    const { manifest, layer } = prepared;
    return { kind: "sigstore-bundle", manifest: manifest.descriptor, layer: layer.descriptor, existed: false };
  }

  async referrer(target: SignTarget, prepared: PreparedReferrer): Promise<void> {
    const { listed } = await pushReferrer(target, prepared, this.#options);
    if (!listed) {
      const subjects = this.#unlisted.get(target) ?? new Map<string, { subject: Descriptor; add: Descriptor[] }>();
      const change = subjects.get(prepared.subject.digest) ?? { subject: prepared.subject, add: [] };
      change.add.push(prepared.listing);
      subjects.set(prepared.subject.digest, change);
      this.#unlisted.set(target, subjects);
    }
  }

  async layer(target: SignTarget, layer: SignatureLayer): Promise<StoredSignature> {
    const { manifest, tag, existed } = await appendLayer(target, layer, this.#options);
    return { kind: kindOf(layer.suffix), manifest, layer: layer.content.descriptor, tag, existed };
  }

  /** Makes all of them findable, also those of a run that failed half way. */
  async flush(): Promise<void> {
    const waiting = [...this.#unlisted];
    this.#unlisted.clear();
    for (const [target, subjects] of waiting) {
      const changes = [...subjects.values()].map(({ subject, add }): ReferrersChange => ({ subject, add, remove: [] }));
      await target.listReferrers?.(changes, this.#options);
    }
  }
}

/** What a dry run tells. */
export function planned(
  storage: SignatureStorage,
  subject: Descriptor,
  suffix: SignatureLayer["suffix"],
): StoredSignature {
  if (storage === "referrer") return { kind: "sigstore-bundle", existed: false };
  return { kind: kindOf(suffix), tag: cosignTag(subject, suffix), existed: false };
}

function kindOf(suffix: SignatureLayer["suffix"]): FoundSignature["kind"] {
  return suffix === ".sig" ? "cosign-simple" : "cosign-attestation";
}
