import { stat } from "node:fs/promises";
import { join } from "node:path";
import { OciError } from "../error/oci-error.ts";
import type { NotationVerifier } from "../sign/notation/verifier.ts";
import { Limits } from "../spec/limits.ts";
import type { Context } from "./context.ts";
import { readInput, resolvePath } from "./input.ts";
import { notationDirectory, type NotationTrustValues } from "./notation-options.ts";

/** Gives the verifier for a repository: a trust policy has statements for some of them. */
export type NotationTrust = (repository: string | undefined) => NotationVerifier;

/** notation's own names for its file, the newer first. */
const POLICIES = ["trustpolicy.oci.json", "trustpolicy.json"];

/**
 * The trust policy that a command line asks for, and the store it names.
 * @param otherwise nothing else was given to verify with: notation's own files count then
 * @returns undefined where there is none
 * @throws OciError USAGE, FILE_INVALID
 */
export async function openNotationTrust(
  { trustPolicy, trustStore, scope }: NotationTrustValues,
  otherwise: boolean,
  context: Context,
): Promise<NotationTrust | undefined> {
  const own = notationDirectory(context);
  const asked = trustPolicy !== undefined || trustStore !== undefined || scope !== undefined;
  if (!asked && !otherwise) return undefined;
  const file = trustPolicy === undefined ? await ownPolicy(own) : resolvePath(trustPolicy, context);
  if (file === undefined) {
    if (!asked) return undefined;
    throw new OciError("USAGE", "Expected --trust-policy: notation has none of its own here");
  }
  const directory = trustStore === undefined ? own && join(own, "truststore") : resolvePath(trustStore, context);
  if (directory === undefined) throw new OciError("USAGE", "Expected --trust-store: there is no home directory");
  const [{ createNotationVerifier }, { parseTrustPolicy }, { openTrustStore }] = await Promise.all([
    import("../sign/notation/verifier.ts"),
    import("../sign/notation/trust-policy.ts"),
    import("../sign/notation/trust-store.ts"),
  ]);
  const policy = parseTrustPolicy(await readInput(file, Limits.trustPolicy, "trust policy", context));
  const store = openTrustStore(directory);
  return (found) => {
    const repository = scope ?? found;
    return createNotationVerifier({ policy, store, ...(repository === undefined ? {} : { repository }) });
  };
}

async function ownPolicy(directory: string | undefined): Promise<string | undefined> {
  if (directory === undefined) return undefined;
  for (const name of POLICIES) {
    const path = join(directory, name);
    const found = await stat(path).catch((error: unknown) => {
      // One that is there and cannot be looked at is not passed over for an older one.
      if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR"))
        return undefined;
      throw error;
    });
    if (found) return path;
  }
  return undefined;
}
