import { join } from "node:path";
import { OciError } from "../error/oci-error.ts";
import type { Verifier } from "../sign/signer.ts";
import type { TrustSource } from "../sign/trusted-root.ts";
import type { Workflow, WorkflowFact } from "../sign/workflow.ts";
import { Limits } from "../spec/limits.ts";
import type { Context } from "./context.ts";
import { readInput, resolvePath } from "./input.ts";
import { flag, list, type Option, type OptionValues, text } from "./option.ts";

/** Whom to expect where signatures are by identities instead of keys. */
export const identities: {
  readonly certificateIdentity: Option<readonly string[]>;
  readonly certificateIdentityRegexp: Option<readonly string[]>;
  readonly certificateOidcIssuer: Option<string | undefined>;
  readonly certificateOidcIssuerRegexp: Option<string | undefined>;
  readonly certificateGithubWorkflowTrigger: Option<string | undefined>;
  readonly certificateGithubWorkflowSha: Option<string | undefined>;
  readonly certificateGithubWorkflowName: Option<string | undefined>;
  readonly certificateGithubWorkflowRepository: Option<string | undefined>;
  readonly certificateGithubWorkflowRef: Option<string | undefined>;
  readonly trustedRoot: Option<string | undefined>;
  readonly tufMirror: Option<string | undefined>;
  readonly tufRoot: Option<string | undefined>;
  readonly insecureIgnoreTlog: Option<boolean>;
  readonly insecureIgnoreSct: Option<boolean>;
} = {
  certificateIdentity: list(
    "--certificate-identity <subject>",
    "who may have signed without a key: an address, or a workflow's URL (may be repeated: any of them)",
  ),
  certificateIdentityRegexp: list(
    "--certificate-identity-regexp <pattern>",
    "the same as a regular expression for the whole of it (may be repeated)",
  ),
  certificateOidcIssuer: text(
    "--certificate-oidc-issuer <url>",
    "the OpenID provider that has to vouch for the identity; needed with every identity",
  ),
  certificateOidcIssuerRegexp: text(
    "--certificate-oidc-issuer-regexp <pattern>",
    "the same as a regular expression for the whole of it",
  ),
  certificateGithubWorkflowTrigger: text(
    "--certificate-github-workflow-trigger <event>",
    "what has to have started the workflow that signed, as push",
  ),
  certificateGithubWorkflowSha: text("--certificate-github-workflow-sha <commit>", "the commit it has to have run for"),
  certificateGithubWorkflowName: text("--certificate-github-workflow-name <name>", "the name it has to have"),
  certificateGithubWorkflowRepository: text(
    "--certificate-github-workflow-repository <owner/name>",
    "the repository it has to have run in",
  ),
  certificateGithubWorkflowRef: text(
    "--certificate-github-workflow-ref <ref>",
    "the ref it has to have run for, as refs/heads/main",
  ),
  trustedRoot: text(
    "--trusted-root <file>",
    "whose certificates and logs to trust, so that nothing is asked (default: Sigstore's public ones, by TUF)",
    "file",
  ),
  tufMirror: text("--tuf-mirror <url>", "another TUF repository to learn that from"),
  tufRoot: text("--tuf-root <file>", "the first root of that repository", "file"),
  insecureIgnoreTlog: flag("--insecure-ignore-tlog", "no transparency log has to know of it; then a timestamp has to"),
  insecureIgnoreSct: flag("--insecure-ignore-sct", "no certificate log has to know of the certificate"),
};

export type IdentityValues = OptionValues<typeof identities>;
type TrustValues = Partial<Pick<IdentityValues, "trustedRoot" | "tufMirror" | "tufRoot">>;

/**
 * The verifier that the options ask for; undefined: they ask for none.
 * @throws OciError USAGE where the identity or its issuer is missing, FILE_INVALID
 */
export async function openIdentityVerifier(options: IdentityValues, context: Context): Promise<Verifier | undefined> {
  const { certificateIdentity, certificateIdentityRegexp } = options;
  const { certificateOidcIssuer, certificateOidcIssuerRegexp } = options;
  const wanted = certificateIdentity.length + certificateIdentityRegexp.length;
  const issuers = [certificateOidcIssuer, certificateOidcIssuerRegexp].filter((each) => each !== undefined);
  if (wanted === 0 && issuers.length === 0) {
    const [stray] = strayOptions(options);
    if (stray === undefined) return undefined;
    throw new OciError("USAGE", `Expected --certificate-identity and --certificate-oidc-issuer with ${stray}`);
  }
  if (wanted === 0 || issuers.length !== 1) {
    const missing = wanted === 0 ? "--certificate-identity" : "exactly one --certificate-oidc-issuer";
    throw new OciError("USAGE", `Expected ${missing}: a name means nothing without who vouches for it`, {
      hint: "For example: --certificate-identity ann@example.com --certificate-oidc-issuer https://accounts.google.com",
    });
  }
  const [{ createIdentityVerifier }, { exactly, matching }] = await Promise.all([
    import("../sign/identity-verifier.ts"),
    import("../sign/text-pattern.ts"),
  ]);
  return createIdentityVerifier({
    subjects: [...certificateIdentity.map(exactly), ...certificateIdentityRegexp.map(matching)],
    issuer:
      certificateOidcIssuer === undefined
        ? matching(certificateOidcIssuerRegexp ?? "")
        : exactly(certificateOidcIssuer),
    workflow: workflowOf(options),
    trust: await trustOf(options, context),
    withoutLog: options.insecureIgnoreTlog,
    withoutCertificateLog: options.insecureIgnoreSct,
  });
}

function workflowOf(options: IdentityValues): Workflow {
  return {
    ...fact("trigger", options.certificateGithubWorkflowTrigger),
    ...fact("sha", options.certificateGithubWorkflowSha),
    ...fact("name", options.certificateGithubWorkflowName),
    ...fact("repository", options.certificateGithubWorkflowRepository),
    ...fact("ref", options.certificateGithubWorkflowRef),
  };
}

function fact(name: WorkflowFact, value: string | undefined): Workflow {
  return value === undefined ? {} : { [name]: value };
}

/** What of the options goes with an identity, as far as it was given. */
export function strayOptions(options: IdentityValues): readonly string[] {
  return [
    ...Object.keys(workflowOf(options)).map((name) => `--certificate-github-workflow-${name}`),
    ...(options.trustedRoot === undefined ? [] : ["--trusted-root"]),
    ...(options.tufMirror === undefined ? [] : ["--tuf-mirror"]),
    ...(options.tufRoot === undefined ? [] : ["--tuf-root"]),
    ...(options.insecureIgnoreTlog ? ["--insecure-ignore-tlog"] : []),
    ...(options.insecureIgnoreSct ? ["--insecure-ignore-sct"] : []),
  ];
}

/** Whom to trust: a file, or what a TUF repository says. @throws OciError USAGE, FILE_INVALID */
export async function trustOf(
  { trustedRoot: file, tufMirror: mirror, tufRoot: root }: TrustValues,
  context: Context,
): Promise<TrustSource> {
  if (file !== undefined) {
    if (mirror !== undefined || root !== undefined) {
      throw new OciError("USAGE", "Expected either --trusted-root or a TUF repository, got both");
    }
    const { parseTrustedRoot } = await import("../sign/trusted-root.ts");
    const bytes = await readInput(file, Limits.trustedRoot, "trusted root", context);
    const material = await parseTrustedRoot(bytes, `trusted root ${file}`);
    return async () => material;
  }
  if (mirror !== undefined && root === undefined) {
    throw new OciError("USAGE", "Expected --tuf-root with --tuf-mirror: somebody has to be trusted first");
  }
  const { tufTrust } = await import("../sign/tuf-root.ts");
  const trust = tufTrust({
    cache: cacheFolder(context),
    ...(mirror === undefined ? {} : { mirror }),
    ...(root === undefined ? {} : { root: resolvePath(root, context) }),
  });
  // Of a thousand subjects none asks again where the first one got no answer.
  let learnt: ReturnType<TrustSource> | undefined;
  return (options) => (learnt ??= trust(options));
}

/** Of this user's own: whoever writes there says whom to trust. */
function cacheFolder({ env, home }: Context): string {
  const given = env["XDG_CACHE_HOME"];
  const folder = given?.startsWith("/") === true ? given : home === undefined ? undefined : join(home, ".cache");
  if (folder !== undefined) return join(folder, "berth", "tuf");
  throw new OciError("USAGE", "Expected a home directory to keep in whom to trust, there is none", {
    hint: "Give --trusted-root, or set XDG_CACHE_HOME",
  });
}
