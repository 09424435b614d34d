import { notaryAlgorithmOf } from "./algorithm.ts";
import { type Certificate, KeyUsageBit, sameBytes } from "./certificate.ts";

/** What the certificates of a chain are for. */
export type ChainPurpose = "code-signing" | "timestamping";

const Purpose = {
  any: "2.5.29.37.0",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
  codeSigning: "1.3.6.1.5.5.7.3.3",
  emailProtection: "1.3.6.1.5.5.7.3.4",
  timeStamping: "1.3.6.1.5.5.7.3.8",
  ocspSigning: "1.3.6.1.5.5.7.3.9",
} as const;
/** A certificate for one of them is not for signing code as well. */
const NOT_FOR_CODE: readonly string[] = Object.values(Purpose).filter((each) => each !== Purpose.codeSigning);

/**
 * Tells what is wrong with a chain, the signer's certificate first and the root last, by the rules for its
 * purpose (signature-specification.md, "Certificate Requirements"): complete, in order, each issued by the next,
 * certificates of authorities where they have to be, and keys and hashes that are strong. Trust and time are
 * other questions.
 * @returns undefined where nothing is wrong; else it continues a sentence
 */
export function chainProblem(chain: readonly Certificate[], purpose: ChainPurpose): string | undefined {
  const [leaf, ...authorities] = chain;
  if (leaf === undefined) return "it has no certificate";
  const weak = chain.find(({ strong }) => !strong);
  if (weak) return `the certificate ${weak.subject} is signed with a hash that is too weak or unknown`;
  const order = orderProblem(chain);
  if (order !== undefined) return order;
  const own = leafProblem(leaf, purpose);
  if (own !== undefined) return `the certificate ${leaf.subject} ${own}`;
  for (const [below, authority] of authorities.entries()) {
    const problem = authorityProblem(authority, below, purpose);
    if (problem !== undefined) return `the certificate ${authority.subject} ${problem}`;
  }
  return undefined;
}

export function isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
  return sameBytes(certificate.issuerBytes, issuer.subjectBytes) && certificate.isSignedBy(issuer);
}

function orderProblem(chain: readonly Certificate[]): string | undefined {
  for (const [at, certificate] of chain.entries()) {
    const issuer = chain[at + 1];
    const selfSigned = isIssuedBy(certificate, certificate);
    if (issuer === undefined) {
      return selfSigned ? undefined : `its chain ends with ${certificate.subject}, which is no root certificate`;
    }
    if (selfSigned) return `its chain goes on after the root ${certificate.subject}`;
    if (!isIssuedBy(certificate, issuer)) {
      return `the certificate ${certificate.subject} is not issued by ${issuer.subject}`;
    }
  }
  return undefined;
}

function leafProblem(leaf: Certificate, purpose: ChainPurpose): string | undefined {
  const { basicConstraints, keyUsage, extendedKeyUsage } = leaf;
  if (basicConstraints?.ca === true) return "is that of an authority, not of a signer";
  if (keyUsage === undefined) return "does not say what its key is for";
  if (purpose === "code-signing" && !keyUsage.critical) return "does not mark critical what its key is for";
  // Non-repudiation may be there as well; every other use has to stay away.
  if ((keyUsage.flags & ~2) !== KeyUsageBit.digitalSignature) return "is not for signatures alone";
  if (purpose === "code-signing") {
    const foreign = extendedKeyUsage?.purposes.find((each) => NOT_FOR_CODE.includes(each));
    if (foreign !== undefined) return `is not for signing code but for ${purposeName(foreign)}`;
    if (notaryAlgorithmOf(leaf.publicKey) === undefined) return "has a key that notation does not sign with";
    return undefined;
  }
  const [only, ...more] = extendedKeyUsage?.purposes ?? [];
  if (only !== Purpose.timeStamping || more.length > 0 || extendedKeyUsage?.critical !== true) {
    return "is not for timestamps alone";
  }
  return keyProblem(leaf);
}

/** @param below how many authorities stand between it and the signer */
function authorityProblem(authority: Certificate, below: number, purpose: ChainPurpose): string | undefined {
  const { basicConstraints, keyUsage } = authority;
  if (basicConstraints?.ca !== true || !basicConstraints.critical) return "is not that of an authority";
  if (basicConstraints.pathLength !== undefined && basicConstraints.pathLength < below) {
    return `allows ${basicConstraints.pathLength} authorities below it, and has ${below}`;
  }
  if (keyUsage === undefined || (purpose === "code-signing" && !keyUsage.critical)) {
    return "does not say, or not as critical, what its key is for";
  }
  if ((keyUsage.flags & KeyUsageBit.certSign) === 0) return "is not for signing certificates";
  return keyProblem(authority);
}

function keyProblem({ publicKey }: Certificate): string | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = publicKey;
  if (type === "rsa" || type === "rsa-pss") {
    return (details?.modulusLength ?? 0) >= 2048 ? undefined : "has a key that is too short";
  }
  if (type === "ed25519") return undefined;
  return type === "ec" && /^(?:prime256v1|secp384r1|secp521r1)$/.test(details?.namedCurve ?? "")
    ? undefined
    : "has a key of an unknown kind";
}

function purposeName(identifier: string): string {
  return Object.entries(Purpose).find(([, value]) => value === identifier)?.[0] ?? identifier;
}

/** The certificate that was not valid at a time, and why; undefined where all were. */
export function validityProblem(chain: readonly Certificate[], from: Date, to: Date = from): string | undefined {
  for (const { notBefore, notAfter, subject } of chain) {
    if (from < notBefore) return `the certificate ${subject} is valid from ${notBefore.toISOString()} only`;
    if (to > notAfter) return `the certificate ${subject} expired at ${notAfter.toISOString()}`;
  }
  return undefined;
}
