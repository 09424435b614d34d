import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ANN, BOB } from "../sign/keyless-scene.ts";
import { ISSUER, openServices, type SigstoreServices, tokenOf } from "../sign/sigstore-services.ts";
import { type Expected, identityContract, moveSignatures, type Preparation } from "./identity-scene.ts";

const OTHER_ISSUER = "https://issuer.example.org";

let services: SigstoreServices;

/** Signed by a subject that an issuer vouches for, with these services or with others. */
function signedBy(
  subject: string,
  issuer: string = ISSUER,
  at = (): SigstoreServices => services,
  claims: Readonly<Record<string, string>> = {},
): Preparation {
  return async ({ ok }, image) => {
    const { url } = at();
    await ok(`sign ${image} --keyless --fulcio-url ${url} --rekor-url ${url}`, {
      SIGSTORE_ID_TOKEN: tokenOf(subject, { iss: issuer, ...claims }),
    });
  };
}

async function open(folder: string): Promise<AsyncDisposable> {
  services = await openServices();
  await writeFile(join(folder, "root.json"), services.rootBytes);
  return services;
}

const images: readonly Expected[] = [
  { tag: "right", prepare: signedBy(ANN), by: /signed by ann@example\.com/ },
  {
    tag: "other-issuer",
    prepare: signedBy(ANN, OTHER_ISSUER),
    refused: /its issuer is "https:\/\/issuer\.example\.org"/,
  },
  { tag: "other-subject", prepare: signedBy(BOB), refused: /its identity is "bob@example\.com"/ },
  {
    tag: "other-authority",
    async prepare(workshop, image) {
      await using others = await openServices();
      await signedBy(ANN, ISSUER, () => others)(workshop, image);
    },
    refused: /certificate/,
  },
  { tag: "unsigned", refused: /there is no signature/ },
  {
    tag: "signed-elsewhere",
    prepare: (workshop) => moveSignatures(workshop, "right", "signed-elsewhere"),
    refused: /it is of sha256:[0-9a-f]{64}, not of sha256:/,
  },
];

identityContract(
  "a keyless identity",
  `{ keyless: { issuer: "${ISSUER}", identity: ${ANN}, trustedRoot: root.json } }`,
  open,
  images,
);

identityContract(
  "keyless identities by expressions",
  `{ keyless: { issuerRegexp: "https://token[.]example[.]com", identityRegexp: "[a-z]nn@example[.]com", trustedRoot: root.json } }`,
  open,
  images,
);

const inJob = (claims: Readonly<Record<string, string>>): Preparation =>
  signedBy(ANN, ISSUER, () => services, { repository: "octo/app", ref: "refs/heads/main", ...claims });

identityContract(
  "a job of a repository",
  `{ keyless: { issuer: "${ISSUER}", identity: ${ANN}, workflow: { repository: octo/app, ref: refs/heads/main }, trustedRoot: root.json } }`,
  open,
  [
    { tag: "right", prepare: inJob({}), by: /signed by ann@example\.com/ },
    {
      tag: "other-repository",
      prepare: inJob({ repository: "octo/fork" }),
      refused: /its workflow repository is "octo\/fork", expected octo\/app/,
    },
    { tag: "other-ref", prepare: inJob({ ref: "refs/heads/evil" }), refused: /its workflow ref is/ },
    { tag: "no-job", prepare: signedBy(ANN), refused: /its certificate tells no workflow repository/ },
  ],
);
