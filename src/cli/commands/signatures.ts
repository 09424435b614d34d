import type { VerifiedSignature } from "../../sign/judge.ts";
import { type Command, defineCommand } from "../command.ts";
import { connection } from "../connection.ts";
import { identities } from "../identity-options.ts";
import { verifyingKeys } from "../key-reference.ts";
import { openSubjects } from "../located-subjects.ts";
import { notationTrust } from "../notation-options.ts";
import { flag, variadic } from "../option.ts";
import { platform } from "../shared-options.ts";
import { signablesOf } from "../sign-options.ts";
import { openTrustIfAny } from "../signers.ts";
import { signatureJson, signatureLine } from "../verify-run.ts";

interface Listing {
  readonly reference: string;
  readonly digest: string;
  readonly signatures: readonly VerifiedSignature[];
}

export const command: Command = defineCommand({
  about:
    "Lists every signature and attestation on each subject, whatever tool made it: bundles of cosign 3 and others, cosign 2's tags, notation. It tells the kind, by whom and when as far as it says so, and with --key, --certificate-identity or --trust-policy which ones are by those. It judges nothing: that is for verify.",
  arguments: { subjects: variadic("SUBJECT", "whose signatures to list") },
  options: {
    ...connection,
    key: verifyingKeys,
    ...identities,
    ...notationTrust,
    recursive: flag("-r, --recursive", "an index and every manifest in it, each on its own"),
    platform,
  },
  examples: [
    { about: "What signatures an image in a layout has", line: "berth signatures ocidir://images:v1" },
    {
      about: "Which of them are by a key, over all platforms",
      line: "berth signatures ghcr.io/org/app:v1 --recursive --key cosign.pub",
    },
    {
      about: "Which of them notation's trust policy takes",
      line: "berth signatures ghcr.io/org/app:v1 --trust-policy trustpolicy.json --trust-store truststore",
    },
  ],
  async run({ subjects }, options, context) {
    const { signal, out } = context;
    const { inspectSignatures } = await import("../../sign/verify.ts");
    const trust = await openTrustIfAny(options, context);
    await using scope = new AsyncDisposableStack();
    const located = await openSubjects(subjects, "read", options, { scope, context });
    const members = await signablesOf(located, { recursive: options.recursive, signedName: undefined }, context);
    const listings: Listing[] = [];
    for (const { subject, reference } of members) {
      const { target: source, descriptor } = subject;
      const verifiers = trust?.verifiers(subject.reference) ?? [];
      const signatures = await inspectSignatures({ source, subject: descriptor, verifiers, signal });
      listings.push({ reference, digest: descriptor.digest, signatures });
    }
    out.result(
      listings.map(({ signatures, ...rest }) => ({ ...rest, signatures: signatures.map(signatureJson) })),
      () =>
        listings.flatMap(({ reference, digest, signatures }) => [
          `${reference}  ${digest}  ${signatures.length === 1 ? "1 signature" : `${signatures.length} signatures`}`,
          ...signatures.map((each) => signatureLine(each, trust !== undefined)),
        ]),
    );
  },
});
