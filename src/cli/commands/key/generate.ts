import { KEY_KINDS } from "../../../sign/key-kind.ts";
import { type Command, defineCommand } from "../../command.ts";
import { keyPairPrefix, writeKeyPair } from "../../key-pair.ts";
import { choice } from "../../option.ts";
import { dryRun } from "../../shared-options.ts";

export const command: Command = defineCommand({
  about:
    "Makes a private key, encrypted with the password in COSIGN_PASSWORD or one that is asked for, and its public key. cosign reads both files, and berth those of cosign. Files that are there are never overwritten.",
  arguments: {},
  options: {
    output: keyPairPrefix,
    kind: choice("--kind <kind>", "the kind of key (default: ecdsa-p256)", KEY_KINDS),
    dryRun,
  },
  examples: [
    { about: "A key pair, the password in the environment", line: "COSIGN_PASSWORD=secret berth key generate" },
    {
      about: "An Ed25519 pair of another name",
      line: "COSIGN_PASSWORD=secret berth key generate --kind ed25519 -o release",
    },
  ],
  writes: true,
  async run(_args, { output = "berth", kind, dryRun: dry }, context) {
    const { generateKey } = await import("../../../sign/key-file.ts");
    const files = await writeKeyPair(await generateKey(kind), output, { context, dryRun: dry });
    const { privateKey, publicKey } = files;
    if (dry) {
      context.out.result({ dryRun: true, privateKey, publicKey }, [`would write ${privateKey} and ${publicKey}`]);
      return;
    }
    context.note(`wrote the private key ${privateKey}; keep it secret`);
    context.out.result(files, [publicKey]);
  },
});
