import type { Descriptor } from "../spec/descriptor.ts";
import type { Digest } from "../spec/digest.ts";
import type { Signal } from "../store/content.ts";
import { eachOf } from "../transfer/workers.ts";
import { Deposit, type StoredSignature } from "./deposit.ts";
import type { SignTarget } from "./place.ts";

/** A manifest that is to be signed, resolved, and where it lies. */
export interface SignSubject {
  readonly target: SignTarget;
  readonly descriptor: Descriptor;
  /** The repository that the signature names, without tag and digest; readers like containers/image compare it. */
  readonly reference?: string;
}

/** What became of one subject. */
export interface SignedSubject extends StoredSignature {
  readonly subject: SignSubject;
}

/** What signing many manifests takes, whatever the form of the signatures. */
export interface SigningRun extends Signal {
  readonly subjects: readonly SignSubject[];
  /** Subjects at a time; 8 when absent. */
  readonly concurrency?: number;
  /** Sign nothing, store nothing. */
  readonly dryRun?: boolean;
  readonly onSigned?: (signed: SignedSubject) => void;
}

/** How one subject is signed. */
export interface SigningWay {
  /** What a dry run tells. */
  planned(subject: SignSubject): StoredSignature;
  store(deposit: Deposit, subject: SignSubject): Promise<StoredSignature>;
}

function distinct(subjects: readonly SignSubject[]): readonly SignSubject[] {
  const seen = new Map<SignTarget, Set<Digest>>();
  return subjects.filter(({ target, descriptor: { digest } }) => {
    const digests = seen.get(target) ?? new Set();
    seen.set(target, digests);
    return !digests.has(digest) && digests.add(digest);
  });
}

/**
 * Signs each distinct subject, several at a time, and lists what was signed, also when something failed half way.
 * @returns one for each distinct subject, in the order given
 * @throws what the first failure threw
 */
export async function signEach(options: SigningRun, way: SigningWay): Promise<readonly SignedSubject[]> {
  const { signal, onSigned, dryRun = false } = options;
  const results: SignedSubject[] = [];
  const deposit = new Deposit(signal ? { signal } : {});
  let failure: { readonly error: unknown } | undefined;
  try {
    await eachOf(distinct(options.subjects).entries(), options.concurrency ?? 8, async ([at, subject]) => {
      signal?.throwIfAborted();
      const stored = dryRun ? way.planned(subject) : await way.store(deposit, subject);
      const signed = { ...stored, subject };
      results[at] = signed;
      onSigned?.(signed);
    });
  } catch (error) {
    failure = { error };
  }
  // What was pushed counts, whatever came after it.
  try {
    await deposit.flush();
  } catch (error) {
    failure ??= { error };
  }
  if (failure) throw failure.error;
  return results;
}
