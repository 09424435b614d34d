import { OciError } from "../../error/oci-error.ts";
import { type Command, defineCommand } from "../command.ts";
import { connection } from "../connection.ts";
import { identities } from "../identity-options.ts";
import { keyless } from "../keyless-options.ts";
import { flag, list, optional, required, text } from "../option.ts";
import { asRepository, policyOption } from "../policy-file.ts";
import { concurrency, dryRun, platform } from "../shared-options.ts";

export const command: Command = defineCommand({
  about:
    "Brings an image to where it is used, if a policy allows it: judges the whole graph at the source, copies all of it with what hangs on it, leaves a signed record of what was promoted from where, under which policy and by whom, and moves the tags, last and together: all of them, or none. What is refused leaves no trace at the target. --undo puts the tags back that the newest record moved, where they still are where it put them, and with a private key or --keyless leaves a signed record of that too.",
  arguments: {
    source: required("SOURCE", "what to promote; with --undo, what was promoted, at the target"),
    target: optional("TARGET", "where to, with a tag or without (default: the source's)"),
  },
  options: {
    ...connection,
    policy: policyOption,
    as: asRepository,
    tags: list("--tag <tag>", "a further tag to move (may be repeated)"),
    key: text(
      "-k, --key <key>",
      "the private key that signs the record: a file, env://NAME, or pkcs11:…; with --undo, the key that signed it, public or private: the private one signs that it was undone",
      "file",
    ),
    ...keyless,
    ...identities,
    undo: flag("--undo", "put back the tags that the newest record at SOURCE moved"),
    platform,
    concurrency,
    dryRun,
  },
  examples: [
    {
      about: "See whether the policy allows it, why, and what would be done",
      line: "berth promote ocidir://images:v1 localhost:5000/app:v1 --policy policy.yaml --dry-run",
    },
    {
      about: "Promote an image from a layout to a registry, as v1 and as stable",
      line: "COSIGN_PASSWORD=secret berth promote ocidir://images:v1 localhost:5000/app:v1 --tag stable --policy policy.yaml --key cosign.key",
    },
    {
      about: "Put the tags back where they were",
      line: "COSIGN_PASSWORD=secret berth promote ocidir://images:v1 ./registry/app:v3 --policy policy.yaml --key cosign.key && berth promote --undo ./registry/app:v3 --key cosign.pub",
    },
  ],
  writes: true,
  async run({ source, target }, options, context) {
    if (options.undo) {
      if (target !== undefined)
        throw new OciError("USAGE", "Expected only what was promoted beside --undo, got a TARGET");
      const { runUndo } = await import("../undo-run.ts");
      await runUndo(source, options, context);
      return;
    }
    if (target === undefined) throw new OciError("USAGE", "Missing required argument 'TARGET'");
    const { policy } = options;
    if (policy === undefined) {
      throw new OciError("USAGE", "Expected --policy", { hint: "To copy without one, there is: berth copy" });
    }
    const { runPromote } = await import("../promote-run.ts");
    await runPromote({ source, target, policy }, options, context);
  },
});
