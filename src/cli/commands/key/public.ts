import { type Command, defineCommand } from "../../command.ts";
import { readPrivateKey } from "../../key-reference.ts";
import { required } from "../../option.ts";

export const command: Command = defineCommand({
  about:
    "Prints the public key of a private one, PEM. With --json also its id: the SHA-256 by which signatures name their key, in base64.",
  arguments: { key: required("KEY", "the private key: a file, or env://NAME") },
  options: {},
  examples: [
    {
      about: "Write the public key to a file again",
      line: "COSIGN_PASSWORD=secret berth key public cosign.key > again.pub",
    },
    {
      about: "The id of a key, as it stands beside signatures",
      line: "COSIGN_PASSWORD=secret berth key public cosign.key --format keyId",
    },
  ],
  async run({ key: reference }, _options, context) {
    const [{ encodePublicKey }, { createKeySigner }] = await Promise.all([
      import("../../../sign/key-file.ts"),
      import("../../../sign/key.ts"),
    ]);
    const { keyId, algorithm, publicKey } = createKeySigner(await readPrivateKey(reference, context), reference);
    const pem = encodePublicKey(publicKey);
    context.out.result({ keyId, algorithm, publicKey: pem }, () => pem.trimEnd().split("\n"));
  },
});
