import { Limits } from "../spec/limits.ts";
import { identities } from "./identity-options.ts";
import { verifyingKeys } from "./key-reference.ts";
import { flag, integer, keyValues, type Option } from "./option.ts";

/** What verifying signatures and attestations have in common. */
export const verifying: {
  readonly key: Option<readonly string[]>;
  readonly threshold: Option<number | undefined>;
  readonly annotations: Option<Readonly<Record<string, string>>>;
  readonly recursive: Option<boolean>;
  readonly maxSignatures: Option<number | undefined>;
  readonly concurrency: Option<number | undefined>;
} & typeof identities = {
  key: verifyingKeys,
  ...identities,
  threshold: integer(
    "--threshold <n>",
    "how many distinct keys or identities have to have signed (default: 1)",
    1,
    1000,
  ),
  annotations: keyValues(
    "-a, --annotation <key=value>",
    "a claim that has to be signed with it (may be repeated: all of them)",
  ),
  recursive: flag("-r, --recursive", "an index and every manifest in it, each on its own"),
  maxSignatures: integer(
    "--max-signatures <n>",
    `on one subject; more fail it (default: ${Limits.signatures})`,
    1,
    Limits.referrers,
  ),
  concurrency: integer("--concurrency <n>", "how many subjects are verified at a time", 1, 64),
};
