import { type Command, defineCommand } from "../command.ts";
import { connection } from "../connection.ts";
import { text, variadic } from "../option.ts";
import { platform } from "../shared-options.ts";
import { verifying } from "../verify-options.ts";
import { type NamedReport, reportJson, reportLines, requireVerified, runVerifying } from "../verify-run.ts";

export const command: Command = defineCommand({
  about:
    "Verifies that a statement about each subject's digest was signed with one of the keys, or by one of the identities, and prints the statements that count, one JSON document a line. With --type only statements of that type count. As with verify, whatever goes wrong, nothing is verified.",
  arguments: { subjects: variadic("SUBJECT", "what the statements are about") },
  options: {
    ...connection,
    ...verifying,
    type: text("--type <type>", "the kind of statement: a short name of cosign's, or a URI (default: any)"),
    platform,
  },
  examples: [
    {
      about: "Read the SBOM that was attested",
      line: "berth verify-attestation ocidir://images:v1 --key cosign.pub --type cyclonedx | jq .predicate",
    },
    {
      about: "The types of all statements by that key",
      line: "berth verify-attestation ghcr.io/org/app:v1 --key cosign.pub --format '[].statements[].predicateType'",
    },
  ],
  async run({ subjects }, options, context) {
    const [{ verifyAttestations }, { predicateTypeOf }] = await Promise.all([
      import("../../sign/verify.ts"),
      import("../../sign/statement.ts"),
    ]);
    const predicateType = options.type === undefined ? undefined : predicateTypeOf(options.type);
    const reports = await runVerifying(subjects, options, context, (verify) =>
      verifyAttestations({ ...verify, ...(predicateType === undefined ? {} : { predicateType }) }),
    );
    context.out.result(
      reports.map((report) => ({ ...reportJson(report), statements: statementsOf(report) })),
      () => reports.flatMap((report) => statementsOf(report).map((statement) => JSON.stringify(statement))),
    );
    // What counts goes to standard output alone, for whoever reads it; why the rest does not, beside it.
    if (!context.out.json) for (const report of reports) for (const line of reportLines(report)) context.note(line);
    requireVerified(reports);
  },
});

/** Those that count of a subject that is verified, as they were signed. */
function statementsOf({ verified, signatures }: NamedReport): readonly Record<string, unknown>[] {
  if (!verified) return [];
  return signatures.flatMap(({ valid, statement }) => {
    if (!valid || statement === undefined) return [];
    const { type, ...rest } = statement;
    return [{ _type: type, ...rest }];
  });
}
