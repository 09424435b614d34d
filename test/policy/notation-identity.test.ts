import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Holder, issue, issueChain, nameOf, pemOf } from "../sign/notation/authority.ts";
import { policyOf } from "../sign/notation/scene.ts";
import { type Expected, identityContract, moveSignatures, type Preparation } from "./identity-scene.ts";

const ours = issueChain();

/** Signed with notation by the holder of a certificate. */
function signedBy(holder: Holder, more = ""): Preparation {
  return async ({ cwd, ok }, image) => {
    await writeFile(join(cwd, "signer.key"), holder.key.export({ type: "pkcs8", format: "pem" }));
    await writeFile(join(cwd, "signer.pem"), pemOf(holder.chain));
    await ok(`sign ${image} --key signer.key --certificate signer.pem${more}`);
  };
}

async function open(folder: string): Promise<undefined> {
  await mkdir(join(folder, "truststore/x509/ca/ours"), { recursive: true });
  await writeFile(join(folder, "truststore/x509/ca/ours/root.crt"), pemOf([ours.root.raw]));
  const trusted = { trustedIdentities: ["x509.subject: C=US, ST=WA, O=example.com, CN=signer"] };
  await writeFile(join(folder, "trustpolicy.json"), JSON.stringify(policyOf(trusted)));
}

const images: readonly Expected[] = [
  { tag: "right", prepare: signedBy(ours), by: /signed by .*CN=signer/ },
  { tag: "right-in-cose", prepare: signedBy(ours, " --signature-format cose"), by: /signed by .*CN=signer/ },
  // Every name in its chain is the same, and no key.
  { tag: "other-issuer", prepare: signedBy(issueChain()), refused: /trust store/ },
  {
    tag: "other-subject",
    prepare: signedBy(issue({ issuer: ours.root, subject: nameOf(["CN", "guest"]) })),
    refused: /trust/,
  },
  { tag: "unsigned", refused: /there is no signature/ },
  {
    tag: "signed-elsewhere",
    prepare: (workshop) => moveSignatures(workshop, "right", "signed-elsewhere"),
    refused: /it is of sha256:[0-9a-f]{64}, not of sha256:/,
  },
];

identityContract(
  "whom a notation trust policy trusts",
  "{ notation: { trustPolicy: trustpolicy.json, trustStore: truststore } }",
  open,
  images,
);
