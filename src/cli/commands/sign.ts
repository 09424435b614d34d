import { OciError } from "../../error/oci-error.ts";
import { type Command, defineCommand } from "../command.ts";
import { connection } from "../connection.ts";
import { notation, notationGiven } from "../notation-options.ts";
import { anyNumber, keyValues } from "../option.ts";
import { dryRun, platform } from "../shared-options.ts";
import { namedFile, plainFile, signPlainFile } from "../signed-file.ts";
import { storing } from "../sign-options.ts";
import { runSigning, signSubjects } from "../sign-run.ts";

export const command: Command = defineCommand({
  about:
    "Signs the digest behind each subject with a private key, or with --keyless as whoever an OpenID token names, and hangs the signature on it, in a registry as in a layout: cosign verifies what berth signed, also after berth copy. With --certificate, or a plug-in of notation, it signs as notation does. Signatures that hang there already stay. The password of the key comes from COSIGN_PASSWORD, or is asked for.",
  arguments: { subjects: anyNumber("SUBJECT", "what to sign; many at once are signed side by side") },
  options: {
    ...connection,
    ...storing,
    ...notation,
    annotations: keyValues("-a, --annotation <key=value>", "a claim to sign with the digest (may be repeated)"),
    ...plainFile,
    platform,
    dryRun,
  },
  examples: [
    {
      about: "Sign an image in a layout",
      line: "COSIGN_PASSWORD=secret berth sign ocidir://images:v1 --key cosign.key",
    },
    {
      about: "An index and each image in it, with a claim, as cosign 2 stores it",
      line: "COSIGN_PASSWORD=secret berth sign ghcr.io/org/app:v1 --key cosign.key --recursive -a team=web --storage tag",
    },
    {
      about: "Sign as this job of GitHub Actions, without a key; everybody can see in Sigstore's log that it did",
      line: "berth sign ghcr.io/org/app:v1 --keyless",
    },
    {
      about: "Sign as notation does, for a day",
      line: "berth sign ghcr.io/org/app:v1 --key signer.key --certificate signer.pem --expiry 24h -a build=42",
    },
    {
      about: "Sign a plain file",
      line: "COSIGN_PASSWORD=secret berth sign --file app-0.1.0.tgz --bundle app.sigstore.json --key cosign.key",
    },
    {
      about: "See what would be signed",
      line: "COSIGN_PASSWORD=secret berth sign ocidir://images:v1 --key cosign.key --recursive --dry-run",
    },
  ],
  writes: true,
  async run({ subjects }, options, context) {
    const file = namedFile(subjects, options);
    if (file) {
      const [stray] = notationGiven(options);
      if (stray !== undefined) throw new OciError("USAGE", `Expected no ${stray} with --file: it is for subjects`);
      await signPlainFile(file, options, context);
      return;
    }
    const { openEnvelopeSigner } = await import("../notation-sign.ts");
    const envelopes = await openEnvelopeSigner(options, context);
    if (envelopes) {
      const { signWithNotation } = await import("../../sign/notation/sign-notation.ts");
      const { annotations, signatureFormat: format, expiry: expiresIn } = options;
      await signSubjects(subjects, options, context, {
        facts: { signer: envelopes.description },
        sign: (run) =>
          signWithNotation({
            ...run,
            signer: envelopes,
            annotations,
            ...(format === undefined ? {} : { format }),
            ...(expiresIn === undefined ? {} : { expiresIn }),
          }),
      });
      return;
    }
    const { signManifests } = await import("../../sign/sign.ts");
    const { annotations } = options;
    await runSigning(subjects, options, context, (store) => signManifests({ ...store, annotations }));
  },
});
