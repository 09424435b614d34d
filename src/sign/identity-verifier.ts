import type { TrustMaterial } from "@sigstore/verify";
import { OciError } from "../error/oci-error.ts";
import { shownJson } from "../spec/json.ts";
import type { Signal } from "../store/content.ts";
import { certificateOf } from "./certificate-place.ts";
import type { Claim, Verdict, Verifier } from "./signer.ts";
import { describePattern, fits, type TextPattern } from "./text-pattern.ts";
import type { TrustSource } from "./trusted-root.ts";
import type { Workflow, WorkflowFact } from "./workflow.ts";

export interface IdentityVerifierOptions {
  /** Who may have signed: any of them. At least one. */
  readonly subjects: readonly TextPattern[];
  /** The OpenID provider that has to vouch for it; the same name of another provider is another person. */
  readonly issuer: TextPattern;
  /** What the certificate has to say of the job that signed, to the letter. */
  readonly workflow?: Workflow;
  readonly trust: TrustSource;
  /** A transparency log need not know of it; then a timestamp has to tell when it was signed. */
  readonly withoutLog?: boolean;
  /** The certificate need not be in a certificate log. */
  readonly withoutCertificateLog?: boolean;
}

/**
 * A verifier of people and workflows instead of keys: the signature's certificate has to be of a trusted authority,
 * valid when it was signed, in the logs, and of one of these subjects by this issuer. All of it is found beside the
 * signature; nobody is asked.
 * @throws OciError USAGE where subjects or issuer are missing
 */
export function createIdentityVerifier(options: IdentityVerifierOptions): Verifier {
  const { subjects, issuer, trust } = options;
  if (subjects.length === 0) throw new OciError("USAGE", "Expected at least one identity to verify, got none");
  const workflow = requireTexts(options.workflow ?? {});
  let material: Promise<TrustMaterial> | undefined;
  const load = async (signal: Signal): Promise<TrustMaterial> => {
    material ??= trust(signal);
    try {
      return await material;
    } catch (error) {
      material = undefined;
      throw error;
    }
  };
  return {
    description: [
      `${subjects.map(describePattern).join(" or ")} by ${describePattern(issuer)}`,
      ...workflow.map(([fact, expected]) => `workflow ${fact} ${expected}`),
    ].join(", "),
    async verify(claim: Claim, signal: Signal = {}): Promise<Verdict> {
      let certificate: Uint8Array | undefined;
      try {
        certificate = certificateOf(claim);
      } catch (error) {
        return refused(error);
      }
      if (certificate === undefined) return { valid: false, reason: "it is by a bare key, not by an identity" };
      const trusted = await load(signal);
      signal.signal?.throwIfAborted();
      return judge(claim, certificate, trusted, { ...options, workflow });
    },
  };
}

type Demands = Omit<IdentityVerifierOptions, "workflow"> & {
  readonly workflow: readonly (readonly [fact: WorkflowFact, expected: string])[];
};

/** An empty text would be no demand. @throws OciError USAGE */
function requireTexts(workflow: Workflow): Demands["workflow"] {
  return Object.entries(workflow).map(([fact, expected]) => {
    if (expected === "") throw new OciError("USAGE", `Expected a workflow ${fact} to compare with, got an empty text`);
    return [fact as WorkflowFact, expected];
  });
}

async function judge(
  claim: Claim,
  certificate: Uint8Array,
  trusted: TrustMaterial,
  { subjects, issuer, workflow, withoutLog = false, withoutCertificateLog = false }: Demands,
): Promise<Verdict> {
  const [
    { Verifier: SigstoreVerifier },
    { entityOf, signedAtOf },
    { readCertificate },
    { readWorkflowFact },
    { requireCertificate },
  ] = await Promise.all([
    import("@sigstore/verify"),
    import("./signed-entity.ts"),
    import("./certificate.ts"),
    import("./certificate-workflow.ts"),
    import("./log-entry.ts"),
  ]);
  const verifier = new SigstoreVerifier(trusted, {
    tlogThreshold: withoutLog ? 0 : 1,
    ctlogThreshold: withoutCertificateLog ? 0 : 1,
    timestampThreshold: 1,
  });
  // From here on everything is computed from what came with the signature: whatever fails, it does not count.
  try {
    const entity = entityOf(claim, certificate);
    verifier.verify(entity);
    for (const entry of entity.tlogEntries) requireCertificate(entry, certificate);
    const holder = readCertificate(certificate);
    if (!fits(issuer, holder.issuer)) {
      return unexpected("issuer", holder.issuer, [issuer]);
    }
    if (!subjects.some((subject) => fits(subject, holder.subject))) {
      return unexpected("identity", holder.subject, subjects);
    }
    for (const [fact, expected] of workflow) {
      const told = readWorkflowFact(certificate, fact);
      if (told === undefined) {
        return { valid: false, reason: `its certificate tells no workflow ${fact}, expected ${shownJson(expected)}` };
      }
      if (told !== expected) return unexpected(`workflow ${fact}`, told, [{ exactly: expected }]);
    }
    const signedAt = signedAtOf(entity);
    return {
      valid: true,
      signer: {
        id: `identity:${JSON.stringify([holder.issuer, holder.subject])}`,
        label: `${holder.subject} (${holder.issuer})`,
        ...(signedAt === undefined ? {} : { signedAt }),
      },
    };
  } catch (error) {
    return refused(error);
  }
}

function unexpected(what: string, got: string, expected: readonly TextPattern[]): Verdict {
  const wanted = expected.map(describePattern).join(" or ");
  return { valid: false, reason: `its ${what} is ${shownJson(got)}, expected ${wanted}` };
}

function refused(error: unknown): Verdict {
  const told = [error, error instanceof Error ? error.cause : undefined].filter((each) => each instanceof Error);
  const why = told.map(({ message }) => message).join(": ");
  return { valid: false, reason: `its certificate, log entry or time does not verify: ${why.slice(0, 300)}` };
}
