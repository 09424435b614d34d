import type { Digest } from "../spec/digest.ts";
import type { NamePattern } from "../spec/name-pattern.ts";
import type { Platform } from "../spec/platform.ts";
import type { Workflow } from "../sign/workflow.ts";
import type { AttestationRule, ScanRule, SbomRule, SignatureRule } from "./evidence-rules.ts";
import type { Expression } from "./expression.ts";
import type { LicenseRule } from "./license-rule.ts";
import type { TextPattern } from "./text-pattern.ts";
import type { Where } from "./where.ts";

/** Somebody whose signatures count, under the name that the rules call them by. */
export type Identity =
  /** A public key; `key` is a file, relative to the policy's folder where it is not absolute, or env://NAME. */
  | { readonly kind: "key"; readonly key: string }
  /** Whoever an issuer of identities said it was, in a certificate of the moment. */
  | {
      readonly kind: "keyless";
      readonly issuer: IdentityText;
      readonly identity: IdentityText;
      /** What the certificate has to say of the job that signed, to the letter. */
      readonly workflow?: Workflow;
      /** A file with the roots that are trusted, relative to the policy. */
      readonly trustedRoot?: string;
    }
  /** Whom a notation trust policy trusts; both are paths relative to the policy. */
  | { readonly kind: "notation"; readonly trustPolicy: string; readonly trustStore: string };

/** A text that has to be the same, or a regular expression for the whole of it. */
export type IdentityText = { readonly text: string } | { readonly regexp: string };

/** Which repositories and tags a rule is about. */
export interface Match {
  readonly repositories: readonly NamePattern[];
  /** Absent: whatever the tag. */
  readonly tags?: readonly TextPattern[];
  /** `host` or `host:port`. Absent: wherever the repository lies. */
  readonly registries?: readonly TextPattern[];
  readonly except: { readonly repositories: readonly NamePattern[]; readonly tags: readonly TextPattern[] };
}

/** Keys with what their values have to look like. */
export type TextRules = Readonly<Record<string, TextPattern>>;

/** What has to be true of an image, or hang on it. */
export type Requirement = { readonly line: number } & (
  | ({ readonly kind: "signature" } & SignatureRule)
  | ({ readonly kind: "attestation" } & AttestationRule)
  | ({ readonly kind: "sbom" } & SbomRule)
  | ({ readonly kind: "scan" } & ScanRule)
  | ({ readonly kind: "licenses" } & LicenseRule)
  | { readonly kind: "labels"; readonly labels: TextRules }
  | { readonly kind: "annotations"; readonly annotations: TextRules; readonly on: Where }
  | { readonly kind: "base"; readonly names: readonly TextPattern[]; readonly digests: readonly Digest[] }
  | { readonly kind: "platforms"; readonly include: readonly Platform[]; readonly only?: readonly Platform[] }
  /** Milliseconds since the image says that it was made. */
  | { readonly kind: "age"; readonly max: number }
  /** Bytes of configuration and layers as they are stored. */
  | { readonly kind: "size"; readonly max: number }
  | { readonly kind: "expression"; readonly where: Expression; readonly message?: string }
);

export type RequirementKind = Requirement["kind"];

export interface Rule {
  readonly name: string;
  readonly line: number;
  readonly match: Match;
  /** The platforms of an index that are held to the rule; all of them when absent. */
  readonly children?: readonly Platform[];
  /** Nothing is asked, on purpose. */
  readonly allow: boolean;
  readonly require: readonly Requirement[];
}

/** A policy, read and checked. */
export interface Policy {
  /** Of the file's bytes. */
  readonly digest: Digest;
  /** What becomes of a repository that no rule is about. */
  readonly default: "deny" | "allow";
  readonly identities: Readonly<Record<string, Identity>>;
  readonly rules: readonly Rule[];
}
