import type { OpenMode } from "../open/open-options.ts";
import type { StoreOptions } from "../sign/sign.ts";
import type { SignedSubject, SigningRun } from "../sign/sign-each.ts";
import type { ConnectionValues } from "./connection.ts";
import type { Context } from "./context.ts";
import { openSubjects } from "./located-subjects.ts";
import type { OptionValues } from "./option.ts";
import { signablesOf, type storing } from "./sign-options.ts";
import { openSignerOf } from "./signers.ts";

type SigningValues = ConnectionValues &
  OptionValues<typeof storing> & { readonly platform?: string | undefined; readonly dryRun: boolean };

/** Opens what is to be signed, has it signed, and shows what became of it. */
export async function runSigning(
  written: readonly string[],
  options: SigningValues,
  context: Context,
  sign: (store: StoreOptions) => Promise<readonly SignedSubject[]>,
): Promise<void> {
  const { storage } = options;
  // First, so that a wrong password or a missing key costs no request.
  const { signer, facts } = await openSignerOf(options, context);
  await signSubjects(written, options, context, {
    facts,
    sign: (run) => sign({ ...run, signer, ...(storage === undefined ? {} : { storage }) }),
  });
}

/** Whoever signs, in whatever form. */
export interface SigningWith {
  /** What a report says of them. */
  readonly facts: Readonly<Record<string, string>>;
  sign(run: SigningRun): Promise<readonly SignedSubject[]>;
}

/** The same, once it is open who signs. */
export async function signSubjects(
  written: readonly string[],
  options: SigningValues,
  context: Context,
  { facts, sign }: SigningWith,
): Promise<void> {
  const { signal, out } = context;
  const { dryRun, concurrency } = options;
  await using scope = new AsyncDisposableStack();
  const mode: OpenMode = dryRun ? "read" : "write";
  const subjects = await openSubjects(written, mode, options, { scope, context });
  const signables = await signablesOf(subjects, options, context);
  const names = new Map(signables.map(({ subject, reference }) => [subject, reference]));
  const signed = await sign({
    subjects: signables.map(({ subject }) => subject),
    dryRun,
    signal,
    ...(concurrency === undefined ? {} : { concurrency }),
  });
  const results = signed.map(({ subject, kind, manifest, layer, tag, existed }) => ({
    reference: names.get(subject),
    digest: subject.descriptor.digest,
    kind,
    ...(tag === undefined ? {} : { tag }),
    ...(manifest === undefined ? {} : { manifest: manifest.digest }),
    ...(layer === undefined ? {} : { layer: layer.digest }),
    existed,
  }));
  const verb = dryRun ? "would sign" : "signed";
  out.result(
    { ...(dryRun ? { dryRun: true } : {}), ...facts, signed: results },
    () =>
      results.map(({ reference, digest, kind, tag, manifest, existed }) => {
        const where = tag === undefined ? kind : `${kind}, tag ${tag}`;
        return `${existed ? "had signed" : verb} ${reference ?? ""} ${digest} (${where})${manifest === undefined ? "" : ` as ${manifest}`}`;
      }),
    results.flatMap(({ manifest }) => (manifest === undefined ? [] : [manifest])),
  );
}
