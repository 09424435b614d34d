import { type Command, defineCommand } from "../../command.ts";
import { openSigner } from "../../key-reference.ts";
import { required } from "../../option.ts";

export const command: Command = defineCommand({
  about:
    "Prints the public key of a private one, PEM. With --json also its id: the SHA-256 by which signatures name their key, in base64.",
  arguments: { key: required("KEY", "the private key: a file, env://NAME, or pkcs11:… of a token") },
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
    const { encodePublicKey } = await import("../../../sign/key-file.ts");
    const { keyId, algorithm, publicKey } = await openSigner(reference, context);
    const pem = encodePublicKey(publicKey);
    context.out.result({ keyId, algorithm, publicKey: pem }, () => pem.trimEnd().split("\n"));
  },
});
