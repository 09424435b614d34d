import { type Command, defineCommand } from "../command.ts";
import { connection } from "../connection.ts";
import { notationTrust, refuseNotationTrust } from "../notation-options.ts";
import { anyNumber } from "../option.ts";
import { platform } from "../shared-options.ts";
import { namedFile, plainFile, verifyPlainFile } from "../signed-file.ts";
import { asRepository, policyOption } from "../policy-file.ts";
import { verifying } from "../verify-options.ts";
import { reportJson, reportLines, requireVerified, runVerifying } from "../verify-run.ts";

export const command: Command = defineCommand({
  about:
    "Resolves each subject once and verifies that its digest was signed with one of the keys, or by one of the identities, by berth, cosign 3 or cosign 2, or as notation's trust policy asks for, in a registry as in a layout. Every signature is shown with whether it counts, and why not. Whatever goes wrong, the answer is never verified: no signature, a wrong key, one of something else, unreadable ones, too many, a registry that fails.",
  arguments: { subjects: anyNumber("SUBJECT", "what to verify; many at once are verified side by side") },
  options: {
    ...connection,
    ...verifying,
    ...notationTrust,
    ...plainFile,
    policy: policyOption,
    as: asRepository,
    platform,
  },
  examples: [
    { about: "Verify an image in a layout", line: "berth verify ocidir://images:v1 --key cosign.pub" },
    {
      about: "Two of three people have to have signed, for production",
      line: "berth verify ghcr.io/org/app:v1 --key ann.pub --key bob.pub --key eve.pub --threshold 2 -a env=production",
    },
    {
      about: "Who has to have signed instead of with which key; nobody is asked, the file says whom to trust",
      line: "berth verify ghcr.io/org/app:v1 --certificate-identity ann@example.com --certificate-oidc-issuer https://token.example.com --trusted-root trusted_root.json",
    },
    {
      about: "Verify signatures of notation by its trust policy",
      line: "berth verify ghcr.io/org/app:v1 --trust-policy trustpolicy.json --trust-store truststore",
    },
    {
      about: "Verify a plain file",
      line: "berth verify --file app-0.1.0.tgz --bundle app-0.1.0.tgz.sigstore.json --key cosign.pub",
    },
    {
      about: "Judge an image by a policy, and be told why",
      line: "berth verify ghcr.io/org/app:v1 --policy policy.yaml",
    },
    {
      about: "Pull by the digest that was verified",
      line: "berth verify ghcr.io/org/app:v1 --key cosign.pub --format '[0].digest'",
    },
  ],
  async run({ subjects }, options, context) {
    const file = namedFile(subjects, options);
    if (file) {
      refuseNotationTrust(options);
      await verifyPlainFile(file, options, context);
      return;
    }
    if (options.policy !== undefined) {
      const { verifyByPolicy } = await import("../verify-policy.ts");
      await verifyByPolicy(subjects, options.policy, options, context);
      return;
    }
    const { verifySignatures } = await import("../../sign/verify.ts");
    const reports = await runVerifying(subjects, options, context, verifySignatures);
    context.out.result(
      reports.map(reportJson),
      () => reports.flatMap(reportLines),
      reports.filter(({ verified }) => verified).map(({ subject }) => subject.digest),
    );
    requireVerified(reports);
  },
});
