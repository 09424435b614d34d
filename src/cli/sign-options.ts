import type { SignatureStorage } from "../sign/deposit.ts";
import type { SignSubject } from "../sign/sign-each.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { signingKey } from "./key-reference.ts";
import { keyless } from "./keyless-options.ts";
import type { Context } from "./context.ts";
import type { LocatedSubject } from "./located-subjects.ts";
import { choice, flag, integer, type Option, type OptionValues, text } from "./option.ts";

/** What signing and attesting have in common. */
export const storing: {
  readonly key: Option<string | undefined>;
  readonly storage: Option<SignatureStorage | undefined>;
  readonly recursive: Option<boolean>;
  readonly signedName: Option<string | undefined>;
  readonly concurrency: Option<number | undefined>;
} & typeof keyless = {
  key: signingKey,
  ...keyless,
  storage: choice(
    "--storage <where>",
    "referrer: a Sigstore bundle, as cosign 3 (default); tag: under sha256-….sig or .att, as cosign 2",
    ["referrer", "tag"],
  ),
  recursive: flag("-r, --recursive", "an index and every manifest in it, each on its own"),
  signedName: text("--signed-name <name>", "the repository that the signature names (default: the one it lies in)"),
  concurrency: integer("--concurrency <n>", "how many are signed at a time", 1, 64),
};

/** One manifest to sign, and how to speak of it. */
export interface Signable {
  readonly subject: SignSubject;
  readonly reference: string;
}

/** The manifests that the subjects of a command line stand for. */
export async function signablesOf(
  subjects: readonly LocatedSubject[],
  { recursive, signedName }: Pick<OptionValues<typeof storing>, "recursive" | "signedName">,
  { signal }: Context,
): Promise<readonly Signable[]> {
  const { membersOf } = await import("../sign/members.ts");
  const all: Signable[] = [];
  for (const { opened, descriptor, reference, repository } of subjects) {
    const name = signedName ?? repository;
    const members = recursive ? await membersOf(opened.store, descriptor, { signal }) : [descriptor];
    const signable = (member: Descriptor): Signable => ({
      subject: { target: opened.store, descriptor: member, ...(name === undefined ? {} : { reference: name }) },
      reference,
    });
    all.push(...members.map(signable));
  }
  return all;
}
