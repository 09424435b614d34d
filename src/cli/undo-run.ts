import { OciError } from "../error/oci-error.ts";
import { describeOpened, nameOf } from "../open/opened.ts";
import type { PreparedUndo, Undone } from "../policy/undo.ts";
import type { Verifier } from "../sign/signer.ts";
import { type ConnectionValues, openLocated } from "./connection.ts";
import type { Context } from "./context.ts";
import { type IdentityValues, openIdentityVerifier } from "./identity-options.ts";
import { openEitherKey } from "./key-reference.ts";
import { keylessGiven, type KeylessValues } from "./keyless-options.ts";
import { placeFor } from "./policy-file.ts";
import { tagLine } from "./promote-run.ts";
import { resolveManifest } from "./resolve.ts";
import { type OpenedSigner, openSignerOf } from "./signers.ts";

type UndoValues = ConnectionValues &
  IdentityValues &
  KeylessValues & {
    readonly key: string | undefined;
    readonly as: string | undefined;
    readonly dryRun: boolean;
    readonly platform: string | undefined;
  };

/** Puts the tags back that the newest promotion moved. */
export async function runUndo(written: string, options: UndoValues, context: Context): Promise<void> {
  const { signal, out } = context;
  const { dryRun } = options;
  const { verifiers, openBy } = await partiesOf(options, context);
  // First, so that a missing token costs no request.
  const by = dryRun ? undefined : await openBy?.();
  await using opened = await openLocated(written, dryRun ? "read" : "write", options, context);
  const name = await nameOf(opened, { signal });
  const tag = opened.tag ?? ("tag" in name ? name.tag : undefined);
  const { prepareUndo } = await import("../policy/undo.ts");
  const undo = await prepareUndo({
    target: opened.store,
    subject: await resolveManifest(opened, options.platform, context),
    place: placeFor(opened, tag === undefined ? [] : [tag], options.as),
    verifiers,
    signal,
  });
  const undone = dryRun ? undefined : await undo.run(by);
  const { record, manifest, tags, left } = undo;
  const value = {
    ...(undone ? { guarded: undone.guarded } : { dryRun: true, recorded: openBy !== undefined }),
    target: describeOpened(opened),
    record: manifest.digest,
    promotedAt: record.promotedAt,
    source: record.source,
    tags: tags.map(({ tag: each, from, to }) => ({ name: each, from: from?.digest ?? null, to: to?.digest ?? null })),
    left,
    ...(undone?.record ? { undoRecord: undone.record.digest } : {}),
  };
  out.result(value, () => linesOf(undo, undone, openBy !== undefined));
}

function linesOf({ record, tags, left }: PreparedUndo, undone: Undone | undefined, signs: boolean): readonly string[] {
  const recorded = undone?.record ? `record ${undone.record.digest}` : "record of it, signed, on what was promoted";
  return [
    `${undone ? "undid" : "would undo"} the promotion of ${record.promotedAt} from ${record.source}`,
    ...tags.map(tagLine),
    ...left.map((each) => `left   ${each}: somebody else has moved it since`),
    signs ? recorded : "No record of it is left: that takes a private --key, or --keyless",
  ];
}

interface Parties {
  /** Whose records are believed: anybody could hang one there. */
  readonly verifiers: readonly Verifier[];
  /** Who signs that it was undone; absent: nobody who could is given. */
  readonly openBy?: () => Promise<OpenedSigner>;
}

/** @throws OciError USAGE where nobody is named whose records are believed */
async function partiesOf(options: UndoValues, context: Context): Promise<Parties> {
  const identity = await openIdentityVerifier(options, context);
  const owner = options.key === undefined ? undefined : await openEitherKey(options.key, context);
  const verifiers = [owner?.verifier, identity].filter((each) => each !== undefined);
  if (verifiers.length === 0) {
    throw new OciError("USAGE", "Expected --key, or --certificate-identity with --certificate-oidc-issuer", {
      hint: "Only a record of somebody who is trusted says where the tags belong",
    });
  }
  if (keylessGiven(options).length > 0) {
    return { verifiers, openBy: () => openSignerOf({ ...options, key: undefined }, context) };
  }
  const signer = owner?.signer;
  if (!signer) return { verifiers };
  return { verifiers, openBy: async () => ({ signer, facts: { keyId: signer.keyId } }) };
}
