import { OciError } from "../../error/oci-error.ts";
import { Limits } from "../../spec/limits.ts";
import { type Command, defineCommand } from "../command.ts";
import { connection } from "../connection.ts";
import { readInput } from "../input.ts";
import { text, variadic } from "../option.ts";
import { dryRun, platform } from "../shared-options.ts";
import { storing } from "../sign-options.ts";
import { runSigning } from "../sign-run.ts";

/** Base64 and the envelope make it half as much again. */
const PREDICATE_LIMIT = Math.floor(Limits.signature / 2);

export const command: Command = defineCommand({
  about:
    "Signs an in-toto statement: that what the file says (an SBOM, a scan, how it was built) is true of the subject's digest. It hangs on the subject like a signature, and cosign verifies it. --type is one of cosign's short names (spdxjson, cyclonedx, slsaprovenance1, vuln, link, openvex, custom …) or a URI.",
  arguments: { subjects: variadic("SUBJECT", "what the statement is about") },
  options: {
    ...connection,
    ...storing,
    predicate: text("--predicate <file>", "what is stated; - for standard input (required)", "file"),
    type: text("--type <type>", "what kind of statement it is (default: custom)"),
    platform,
    dryRun,
  },
  examples: [
    {
      about: "Attest an SBOM of an image in a layout",
      line: "COSIGN_PASSWORD=secret berth attest ocidir://images:v1 --key cosign.key --type cyclonedx --predicate sbom.json",
    },
    {
      about: "State something of your own about every image of an index",
      line: "COSIGN_PASSWORD=secret berth attest ghcr.io/org/app:v1 --key cosign.key -r --type https://example.com/tested/v1 --predicate result.json",
    },
  ],
  writes: true,
  async run({ subjects }, options, context) {
    const { predicate: file, type = "custom" } = options;
    if (file === undefined)
      throw new OciError("USAGE", "Expected --predicate", { hint: "For example: --predicate sbom.json" });
    const [{ attestManifests }, { predicateTypeOf }, { readPredicate }] = await Promise.all([
      import("../../sign/sign.ts"),
      import("../../sign/statement.ts"),
      import("../../sign/predicate.ts"),
    ]);
    const predicateType = predicateTypeOf(type);
    const predicate = readPredicate(await readInput(file, PREDICATE_LIMIT, "predicate", context), predicateType);
    await runSigning(subjects, options, context, (store) => attestManifests({ ...store, predicateType, predicate }));
  },
});
