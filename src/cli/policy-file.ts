import { basename, dirname, isAbsolute, join } from "node:path";
import { OciError } from "../error/oci-error.ts";
import type { Opened } from "../open/opened.ts";
import type { OpenVerifier, PolicyEngine } from "../policy/engine.ts";
import type { Place } from "../policy/match.ts";
import type { Identity, IdentityText, Policy } from "../policy/policy.ts";
import type { TextPattern } from "../sign/text-pattern.ts";
import { Limits } from "../spec/limits.ts";
import type { Locator } from "../spec/locator.ts";
import { isRepositoryName } from "../spec/name.ts";
import { formatReference } from "../spec/reference.ts";
import type { Context } from "./context.ts";
import { trustOf } from "./identity-options.ts";
import { readInput, resolvePath } from "./input.ts";
import { openVerifiers } from "./key-reference.ts";
import { type Option, text } from "./option.ts";

/** The policy to judge by. */
export const policyOption: Option<string | undefined> = text(
  "--policy <file>",
  "a policy (YAML) that has to allow it",
  "file",
);

/** What a policy's rules see of what lies in no registry. */
export const asRepository: Option<string | undefined> = text(
  "--as <repository>",
  "the repository that the policy's rules see (default: where it lies; a layout's directory, an archive's file)",
);

/** @throws OciError FILE_INVALID, LIMIT_EXCEEDED */
export async function readPolicy(file: string, context: Context): Promise<Policy> {
  const { parsePolicy } = await import("../policy/parse-policy.ts");
  return parsePolicy(await readInput(file, Limits.policy, `policy ${file}`, context), { file });
}

/** Reads a policy and opens all keys and roots that its rules name. @throws OciError FILE_INVALID and what reading throws */
export async function openPolicyFile(file: string, context: Context): Promise<PolicyEngine> {
  const policy = await readPolicy(file, context);
  const { openPolicy } = await import("../policy/engine.ts");
  // What a policy on standard input names lies where the command runs.
  const folder = file === "-" ? context.cwd : dirname(resolvePath(file, context));
  return openPolicy(policy, { openVerifier: verifiersFrom(folder, context) });
}

function verifiersFrom(folder: string, context: Context): OpenVerifier {
  const beside = (path: string): string => (isAbsolute(path) || path.includes("://") ? path : join(folder, path));
  return async (identity, name) => {
    switch (identity.kind) {
      case "key": {
        if (identity.key.startsWith("pkcs11:")) {
          throw new OciError(
            "UNSUPPORTED",
            `${name} has to be a file or env://NAME: a policy loads no token's library`,
            {
              hint: "Write its public key to a file with: berth key public",
            },
          );
        }
        const [verifier] = await openVerifiers([beside(identity.key)], context, [name]);
        if (!verifier) throw new OciError("INTERNAL", `No verifier of ${name}`);
        return () => verifier;
      }
      case "keyless": {
        const verifier = await keylessVerifier(identity, beside, context);
        return () => verifier;
      }
      case "notation":
        return notationVerifiers(identity, beside, context);
    }
  };
}

async function keylessVerifier(
  identity: Extract<Identity, { kind: "keyless" }>,
  beside: (path: string) => string,
  context: Context,
): Promise<ReturnType<Awaited<ReturnType<OpenVerifier>>>> {
  const [{ createIdentityVerifier }, { exactly, matching }] = await Promise.all([
    import("../sign/identity-verifier.ts"),
    import("../sign/text-pattern.ts"),
  ]);
  const pattern = (text: IdentityText): TextPattern => ("text" in text ? exactly(text.text) : matching(text.regexp));
  const { trustedRoot, workflow } = identity;
  return createIdentityVerifier({
    subjects: [pattern(identity.identity)],
    issuer: pattern(identity.issuer),
    ...(workflow === undefined ? {} : { workflow }),
    trust: await trustOf({ trustedRoot: trustedRoot === undefined ? undefined : beside(trustedRoot) }, context),
  });
}

async function notationVerifiers(
  identity: Extract<Identity, { kind: "notation" }>,
  beside: (path: string) => string,
  context: Context,
): ReturnType<OpenVerifier> {
  const [{ createNotationVerifier }, { parseTrustPolicy }, { openTrustStore }] = await Promise.all([
    import("../sign/notation/verifier.ts"),
    import("../sign/notation/trust-policy.ts"),
    import("../sign/notation/trust-store.ts"),
  ]);
  const file = beside(identity.trustPolicy);
  const policy = parseTrustPolicy(await readInput(file, Limits.policy, `trust policy ${file}`, context));
  const store = openTrustStore(beside(identity.trustStore));
  return ({ registry, repository }) =>
    createNotationVerifier({
      policy,
      store,
      ...(registry === undefined ? {} : { repository: formatReference({ host: registry, repository }) }),
    });
}

/**
 * The repository that rules see: that of a registry, or a name made of the layout's or archive's path, as `serve` has it.
 * @throws OciError USAGE where no name can be made of it
 */
export function placeFor({ locator }: Pick<Opened, "locator">, tags: readonly string[], as: string | undefined): Place {
  const registry = locator.medium === "registry" ? { registry: locator.host } : {};
  if (as !== undefined && !isRepositoryName(as)) {
    throw new OciError("USAGE", `Invalid repository ${JSON.stringify(as)} for --as`);
  }
  return { repository: as ?? repositoryIn(locator), ...registry, tags };
}

function repositoryIn(locator: Locator): string {
  if (locator.medium === "registry") return locator.repository;
  const name = basename(locator.path)
    .toLowerCase()
    .replace(/\.(?:tar|tgz|tar\.gz|tar\.zst)$/, "");
  if (isRepositoryName(name)) return name;
  throw new OciError("USAGE", `${JSON.stringify(locator.path)} makes no name that a policy's rules could see`, {
    hint: "Say it with --as, for example: --as team/app",
  });
}
