import { OciError } from "../../error/oci-error.ts";
import type { ConvertedSignature } from "../../sign/converted-signature.ts";
import { type Command, defineCommand } from "../command.ts";
import { connection } from "../connection.ts";
import { openSubjects } from "../located-subjects.ts";
import { choice, flag, variadic } from "../option.ts";
import { dryRun, platform } from "../shared-options.ts";
import { signablesOf } from "../sign-options.ts";

export const command: Command = defineCommand({
  about:
    "Writes what lies under cosign 2's tags (.sig, .att, .sbom) as referrers too, or referrers under its tags, so that tools of both kinds find it. Nothing is signed again, and nothing is removed without --remove. What a signature is over stays as it is: attestations become bundles that cosign 3 verifies, and what the other form cannot hold stays, and says why.",
  arguments: { subjects: variadic("SUBJECT", "whose signatures to convert") },
  options: {
    ...connection,
    to: choice("--to <form>", "referrer or tag (required)", ["referrer", "tag"]),
    recursive: flag("-r, --recursive", "an index and every manifest in it, each on its own"),
    remove: flag(
      "--remove",
      "remove what was converted from where it was; a tag or manifest of which a part stays, stays",
    ),
    platform,
    dryRun,
  },
  examples: [
    { about: "Tags of cosign 2 become referrers", line: "berth convert-signatures ocidir://images:v1 --to referrer" },
    {
      about: "The same, and the tags go where all of it could be converted",
      line: "berth convert-signatures ghcr.io/org/app:v1 --to referrer --remove",
    },
    {
      about: "See which attestations cosign 2 could be given",
      line: "berth convert-signatures ghcr.io/org/app:v1 --to tag --recursive --dry-run",
    },
  ],
  writes: true,
  async run({ subjects }, options, context) {
    const { signal, out } = context;
    const { to, recursive, remove, dryRun: dry } = options;
    if (to === undefined) throw new OciError("USAGE", "Expected --to", { hint: "--to referrer or --to tag" });
    const { convertSignatures } = await import("../../sign/convert-signatures.ts");
    await using scope = new AsyncDisposableStack();
    const located = await openSubjects(subjects, dry ? "read" : "write", options, { scope, context });
    const results: { reference: string; digest: string; converted: readonly ConvertedSignature[] }[] = [];
    for (const { subject, reference } of await signablesOf(located, { recursive, signedName: undefined }, context)) {
      const { target, descriptor } = subject;
      const converted = await convertSignatures({ target, subject: descriptor, to, remove, dryRun: dry, signal });
      results.push({ reference, digest: descriptor.digest, converted });
    }
    out.result(
      results.map(({ converted, ...rest }) => ({
        ...rest,
        ...(dry ? { dryRun: true } : {}),
        converted: converted.map(({ from, manifest, ...each }) => ({
          ...each,
          from: from.digest,
          ...(manifest === undefined ? {} : { manifest: manifest.digest }),
        })),
      })),
      () => results.flatMap(({ converted }) => converted.map((each) => lineOf(each, dry))),
      results.flatMap(({ converted }) => converted.flatMap(({ manifest }) => (manifest ? [manifest.digest] : []))),
    );
  },
});

function lineOf({ kind, from, manifest, kept, removed }: ConvertedSignature, dry: boolean): string {
  if (kept !== undefined) return `kept ${kind} ${from.digest}: ${kept}`;
  const verb = removed ? (dry ? "would move" : "moved") : dry ? "would convert" : "converted";
  return `${verb} ${kind} ${from.digest}${manifest ? ` as ${manifest.digest}` : ""}`;
}
