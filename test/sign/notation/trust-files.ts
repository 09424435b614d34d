import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { issueChain, pemOf } from "./authority.ts";
import { policyOf } from "./scene.ts";

/**
 * What it takes to sign and verify as notation does: signer.key with its chain signer.pem, and trustpolicy.json with
 * truststore, which trust it.
 */
export async function writeTrustFiles(folder: string): Promise<void> {
  const holder = issueChain();
  await writeFile(join(folder, "signer.key"), holder.key.export({ type: "pkcs8", format: "pem" }));
  await writeFile(join(folder, "signer.pem"), pemOf(holder.chain));
  await mkdir(join(folder, "truststore/x509/ca/ours"), { recursive: true });
  await writeFile(join(folder, "truststore/x509/ca/ours/root.crt"), pemOf([holder.root.raw]));
  await writeFile(join(folder, "trustpolicy.json"), JSON.stringify(policyOf()));
}
