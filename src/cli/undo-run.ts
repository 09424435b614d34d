import { OciError } from "../error/oci-error.ts";
import { describeOpened, nameOf } from "../open/opened.ts";
import type { Verifier } from "../sign/signer.ts";
import { type ConnectionValues, openLocated } from "./connection.ts";
import type { Context } from "./context.ts";
import { type IdentityValues, openIdentityVerifier } from "./identity-options.ts";
import { openEitherKey } from "./key-reference.ts";
import { placeFor } from "./policy-file.ts";
import { tagLine } from "./promote-run.ts";
import { resolveManifest } from "./resolve.ts";

type UndoValues = ConnectionValues &
  IdentityValues & {
    readonly key: string | undefined;
    readonly as: string | undefined;
    readonly dryRun: boolean;
    readonly platform: string | undefined;
  };

/** Puts the tags back that the newest promotion moved. */
export async function runUndo(written: string, options: UndoValues, context: Context): Promise<void> {
  const { signal, out } = context;
  const verifiers = await verifiersOf(options, context);
  await using opened = await openLocated(written, options.dryRun ? "read" : "write", options, context);
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
  const { guarded } = options.dryRun ? { guarded: false } : await undo.run();
  const { record, manifest, tags, left } = undo;
  const value = {
    ...(options.dryRun ? { dryRun: true } : { guarded }),
    target: describeOpened(opened),
    record: manifest.digest,
    promotedAt: record.promotedAt,
    source: record.source,
    tags: tags.map(({ tag: each, from, to }) => ({ name: each, from: from?.digest ?? null, to: to?.digest ?? null })),
    left,
  };
  out.result(value, () => [
    `${options.dryRun ? "would undo" : "undid"} the promotion of ${record.promotedAt} from ${record.source}`,
    ...tags.map(tagLine),
    ...left.map((each) => `left   ${each}: somebody else has moved it since`),
  ]);
}

/** Whose records are believed: anybody could hang one there. @throws OciError USAGE where nobody is named */
async function verifiersOf(options: UndoValues, context: Context): Promise<readonly Verifier[]> {
  const identity = await openIdentityVerifier(options, context);
  const key = options.key === undefined ? undefined : await openEitherKey(options.key, context);
  const verifiers = [key, identity].filter((each) => each !== undefined);
  if (verifiers.length > 0) return verifiers;
  throw new OciError("USAGE", "Expected --key, or --certificate-identity with --certificate-oidc-issuer", {
    hint: "Only a record of somebody who is trusted says where the tags belong",
  });
}
