import { fromBuffer } from "../bytes/bytes.ts";
import { OciError } from "../error/oci-error.ts";
import { Limits } from "../spec/limits.ts";
import type { Context } from "./context.ts";
import { readInput, resolvePath } from "./input.ts";
import type { IdentityValues } from "./identity-options.ts";
import type { KeylessValues } from "./keyless-options.ts";
import { type Option, text } from "./option.ts";
import { openSignerOf, openVerifiersOf, requireReachable } from "./signers.ts";
import { style } from "./style.ts";

/** For plain files in the place of subjects. */
export const plainFile: { readonly file: Option<string | undefined>; readonly bundle: Option<string | undefined> } = {
  file: text("--file <file>", "a plain file instead of a subject; - for standard input", "file"),
  bundle: text("--bundle <file>", "of a plain file: where its signature is", "file"),
};

interface FileValues {
  readonly file: string | undefined;
  readonly bundle: string | undefined;
}

/** A file and where its signature is. */
interface NamedFile {
  readonly file: string;
  readonly bundle: string;
}

/** Which file is meant; undefined: subjects are. @throws OciError USAGE */
export function namedFile(subjects: readonly string[], { file, bundle }: FileValues): NamedFile | undefined {
  if (file === undefined && bundle === undefined) {
    if (subjects.length > 0) return undefined;
    throw new OciError("USAGE", "Expected a subject, or --file with --bundle");
  }
  if (subjects.length > 0) throw new OciError("USAGE", "Expected either subjects or --file, got both");
  if (file !== undefined && bundle !== undefined) return { file, bundle };
  throw new OciError("USAGE", `Expected ${file === undefined ? "--file" : "--bundle"} as well`, {
    hint: "For example: --file app.tar.gz --bundle app.tar.gz.sigstore.json",
  });
}

export async function signPlainFile(
  { file, bundle }: NamedFile,
  options: KeylessValues & { readonly key: string | undefined; readonly dryRun: boolean },
  context: Context,
): Promise<void> {
  const { out, signal } = context;
  const { signer, facts } = await openSignerOf(options, context);
  const bytes = await readInput(file, Limits.signedFile, "file to sign", context);
  const { signFile } = await import("../sign/signed-file.ts");
  const result = { file, bundle, ...facts };
  if (options.dryRun) {
    out.result({ dryRun: true, ...result }, [`would sign ${file} into ${bundle}`]);
    return;
  }
  const signed = await signFile(bytes, signer, { signal });
  const { writeOutputFile } = await import("./output-file.ts");
  await writeOutputFile(resolvePath(bundle, context), fromBuffer(signed), signal);
  out.result(result, [`signed ${file} into ${bundle}`], [bundle]);
}

/** @throws OciError UNVERIFIED */
export async function verifyPlainFile(
  { file, bundle }: NamedFile,
  options: IdentityValues & { readonly key: readonly string[]; readonly threshold: number | undefined },
  context: Context,
): Promise<void> {
  requireReachable(options.threshold, options);
  const verifiers = await openVerifiersOf(options, context);
  const bytes = await readInput(file, Limits.signedFile, "file to verify", context);
  const signature = await readInput(bundle, Limits.signature, "signature", context);
  const { verifyFile } = await import("../sign/signed-file.ts");
  const { threshold } = options;
  const report = await verifyFile({
    file: bytes,
    bundle: signature,
    verifiers,
    signal: context.signal,
    ...(threshold === undefined ? {} : { threshold }),
  });
  const { verified, reason, signers } = report;
  const by = signers.map(({ label }) => label).join(", ");
  const line = verified
    ? `${style.green("verified")}  ${file}  by ${by}`
    : `${style.red("not verified")}  ${file}: ${reason ?? ""}`;
  context.out.result({ file, bundle, ...report }, [line], verified ? [file] : []);
  if (!verified) throw new OciError("UNVERIFIED", `${file} is not verified: ${reason ?? ""}`);
}
