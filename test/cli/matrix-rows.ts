import { ISSUER } from "../sign/sigstore-services.ts";

/** Who signs without a key. */
export const SIGNER = "ann@example.com";

/** How something in a medium is meant. */
export const FORMS = ["tag", "digest", "tag and digest", "platform", "nested index"] as const;
export type Form = (typeof FORMS)[number];

export const MEDIA = ["registry", "layout", "archive", "docker archive"] as const;
export type MediumName = (typeof MEDIA)[number];

/** What a docker archive has no place for, so that there is nothing to ask of it. */
export type Needs = "artifact" | "index" | "signature";

/**
 * One command. In its line, `{}` is something that is in the medium, `{base}` the place alone, `{new}` something that
 * is to be made there, `{out}` a place elsewhere, `<services>` where those are that certify and log signatures.
 */
export interface Row {
  readonly words: string;
  readonly line: string;
  /** Empty: there is nothing to be meant. */
  readonly forms: readonly Form[];
  readonly writes?: boolean;
  readonly needs?: Needs;
  /** Prints the same whatever the medium, as long as that keeps what it was given. */
  readonly same?: boolean;
}

const NAMED: readonly Form[] = ["tag", "digest", "tag and digest"];

export const ROWS: readonly Row[] = [
  { words: "digest", line: "digest {}", forms: FORMS, same: true },
  { words: "manifest get", line: "manifest get {}", forms: FORMS, same: true },
  { words: "manifest head", line: "manifest head {}", forms: FORMS },
  { words: "manifest diff", line: "manifest diff {} {}", forms: FORMS, same: true },
  { words: "image inspect", line: "image inspect {}", forms: FORMS },
  { words: "image ls", line: "image ls {}", forms: FORMS, same: true },
  { words: "image cat", line: "image cat {} /a", forms: FORMS, same: true },
  { words: "image diff", line: "image diff {} {}", forms: FORMS, same: true },
  { words: "index ls", line: "index ls {}", forms: NAMED, needs: "index", same: true },
  { words: "discover", line: "discover {}", forms: NAMED },
  { words: "signatures", line: "signatures {}", forms: FORMS },
  { words: "verify", line: "verify {} --key key.pub", forms: FORMS, needs: "signature" },
  {
    words: "verify (keyless)",
    line: `verify {} --certificate-identity ${SIGNER} --certificate-oidc-issuer ${ISSUER} --trusted-root root.json`,
    forms: FORMS,
    needs: "signature",
  },
  {
    words: "verify (notation)",
    line: "verify {} --trust-policy trustpolicy.json --trust-store truststore",
    forms: FORMS,
    needs: "signature",
  },
  { words: "verify (policy)", line: "verify {} --policy policy.yaml --as app", forms: FORMS, needs: "signature" },
  { words: "pull", line: "pull {} -o {out}", forms: NAMED, needs: "artifact" },
  { words: "copy (from)", line: "copy {} ocidir://{out}:x", forms: FORMS },
  {
    words: "copy (policy)",
    line: "copy {} ocidir://{out}:x --policy policy.yaml --as app",
    forms: FORMS,
    needs: "signature",
  },
  {
    words: "promote (from)",
    line: "promote {} ocidir://{out}:x --policy policy.yaml --as app --key key.key",
    forms: FORMS,
    needs: "signature",
  },
  { words: "export", line: "export {} {out}.tar", forms: FORMS },
  { words: "index create (from)", line: "index create ocidir://{out}:x {}", forms: FORMS },
  { words: "tag ls", line: "tag ls {base}", forms: [], same: true },
  { words: "blob get", line: "blob get {base}@{blob}", forms: [], same: true },
  { words: "blob head", line: "blob head {base}@{blob}", forms: [] },
  { words: "blob cp (from)", line: "blob cp {base}@{blob} ocidir://{out}", forms: [] },
  { words: "copy (to)", line: "copy ocidir://one:v1 {new}", forms: [], writes: true },
  {
    words: "promote (to)",
    line: "promote ocidir://one:v1 {new} --policy policy.yaml --as app --key key.key",
    forms: [],
    writes: true,
  },
  { words: "import (to)", line: "import one.tar {new}", forms: [], writes: true },
  { words: "image create", line: "image create {new} --layer files:/", forms: [], writes: true },
  { words: "push", line: "push {new} files/a", forms: [], writes: true },
  { words: "index create (to)", line: "index create {new} ocidir://one:v1", forms: [], writes: true },
  { words: "attach", line: "attach {} files/a:text/plain --artifact-type a/b", forms: FORMS, writes: true },
  { words: "sign", line: "sign {} --key key.key", forms: FORMS, writes: true },
  {
    words: "sign (keyless)",
    line: "sign {} --keyless --fulcio-url <services> --rekor-url <services>",
    forms: FORMS,
    writes: true,
  },
  { words: "sign (tag)", line: "sign {} --key key.key --storage tag", forms: FORMS, writes: true },
  { words: "sign (notation)", line: "sign {} --key signer.key --certificate signer.pem", forms: FORMS, writes: true },
  { words: "attest", line: "attest {} --key key.key --predicate files/a", forms: FORMS, writes: true },
  { words: "tag add", line: "tag add {} more", forms: NAMED, writes: true },
  { words: "tag mv", line: "tag mv {} moved", forms: ["tag"], writes: true },
  { words: "tag rm", line: "tag rm {}", forms: ["tag", "tag and digest"], writes: true },
  { words: "image mod", line: "image mod {} --label a=b --tag changed", forms: FORMS, writes: true },
  { words: "image append", line: "image append {} --layer files:/more --tag changed", forms: FORMS, writes: true },
  { words: "image flatten", line: "image flatten {} --tag changed", forms: FORMS, writes: true },
  { words: "index add", line: "index add {} ocidir://one:v1", forms: ["tag"], writes: true },
  { words: "index rm", line: "index rm {} --platform linux/arm64", forms: ["tag"], writes: true, needs: "index" },
  { words: "manifest put", line: "manifest put {base}:again manifest.json", forms: [], writes: true },
  { words: "manifest rm", line: "manifest rm {}", forms: ["digest"], writes: true },
  { words: "blob put", line: "blob put {base} files/a", forms: [], writes: true },
  { words: "blob rm", line: "blob rm {base}@{blob}", forms: [], writes: true },
];
