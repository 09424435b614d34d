import { type Command, defineCommand } from "../../command.ts";
import { keyPairPrefix, writeKeyPair } from "../../key-pair.ts";
import { readPrivateKey } from "../../key-reference.ts";
import { required } from "../../option.ts";
import { dryRun } from "../../shared-options.ts";

export const command: Command = defineCommand({
  about:
    "Reads a private key of another tool (PKCS#8, PKCS#1 or SEC 1 in PEM: ECDSA, RSA or Ed25519) and writes it encrypted, as cosign keeps it, with its public key beside it. One that is encrypted already is opened and closed with the same password, COSIGN_PASSWORD or one that is asked for.",
  arguments: { key: required("KEY", "the private key: a file, or env://NAME") },
  options: { output: keyPairPrefix, dryRun },
  examples: [
    {
      about: "A key that openssl made, from then on for berth and cosign",
      line: "COSIGN_PASSWORD=secret berth key import openssl.pem -o release",
    },
    {
      about: "A key from a secret store, which gives it as a variable",
      line: "COSIGN_PASSWORD=secret berth key import env://SIGNING_KEY",
    },
  ],
  writes: true,
  async run({ key: reference }, { output = "berth", dryRun: dry }, context) {
    const key = await readPrivateKey(reference, context);
    const files = await writeKeyPair(key, output, { context, dryRun: dry });
    const { privateKey, publicKey } = files;
    if (dry) {
      context.out.result({ dryRun: true, ...files }, [`would write ${privateKey} and ${publicKey}`]);
      return;
    }
    context.note(`wrote the private key ${privateKey}; keep it secret`);
    context.out.result(files, [publicKey]);
  },
});
