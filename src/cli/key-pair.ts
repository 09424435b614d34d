import type { KeyObject } from "node:crypto";
import { constants } from "node:fs";
import { lstat, open, unlink } from "node:fs/promises";
import { OciError } from "../error/oci-error.ts";
import type { Context } from "./context.ts";
import { resolvePath } from "./input.ts";
import { type Option, text } from "./option.ts";

export const keyPairPrefix: Option<string | undefined> = text(
  "-o, --output <prefix>",
  "write <prefix>.key and <prefix>.pub (default: berth)",
  "file",
);

/** What was written, or would be. */
export interface KeyPairFiles {
  readonly privateKey: string;
  readonly publicKey: string;
  readonly keyId: string;
}

/** @throws OciError CONFLICT where a file lies: a key that is overwritten is lost */
async function refuseExisting(path: string): Promise<void> {
  const there = await lstat(path).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  });
  if (there === undefined) return;
  throw new OciError("CONFLICT", `${path} exists, and a key is never overwritten`, {
    hint: "Choose another --output, or move that file away",
  });
}

async function writeNew(path: string, content: string, mode: number): Promise<void> {
  await using handle = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode);
  await handle.writeFile(content);
  await handle.sync();
}

/**
 * Writes a private key, encrypted and for its owner's eyes only, and its public key beside it.
 * @throws OciError CONFLICT, USAGE, and what the file system throws
 */
export async function writeKeyPair(
  key: KeyObject,
  prefix: string,
  { context, dryRun }: { readonly context: Context; readonly dryRun: boolean },
): Promise<KeyPairFiles> {
  const [{ encodePrivateKey, encodePublicKey }, { createKeySigner }] = await Promise.all([
    import("../sign/key-file.ts"),
    import("../sign/key.ts"),
  ]);
  const files = { privateKey: `${prefix}.key`, publicKey: `${prefix}.pub`, keyId: createKeySigner(key, prefix).keyId };
  const [secret, shown] = [resolvePath(files.privateKey, context), resolvePath(files.publicKey, context)];
  for (const path of [secret, shown]) await refuseExisting(path);
  if (dryRun) return files;
  const { readPassword } = await import("./password.ts");
  const encoded = await encodePrivateKey(key, await readPassword(context, true));
  await writeNew(secret, encoded, 0o600);
  try {
    await writeNew(shown, encodePublicKey(key), 0o644);
  } catch (error) {
    await unlink(secret);
    throw error;
  }
  return files;
}
