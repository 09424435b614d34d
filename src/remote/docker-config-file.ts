import { randomBytes } from "node:crypto";
import { lstat, mkdir, open, realpath, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { diskError, errnoOf } from "../disk/error.ts";
import { OciError } from "../error/oci-error.ts";
import type { JsonObject } from "../spec/json.ts";
import { Limits } from "../spec/limits.ts";
import type { Signal } from "../store/content.ts";
import { parseDocument } from "./docker-config.ts";
import { onceOnMachine } from "./machine-lock.ts";
import { readConfig } from "./stored-credentials.ts";

/** Writers that take no lock of ours are met at most so often. */
const TRIES = 20;

/**
 * Changes a credentials file in one step: what others read is the old or the new one, whole, of mode 0600. A
 * symbolic link is followed. Changes at the same time follow one another. The file and its folder are made where
 * they are missing.
 * @param change gives the new document, or undefined to leave the file as it is; may be called again
 * @throws OciError FILE_INVALID for what cannot be read as a credentials file, which then stays as it is;
 *   LIMIT_EXCEEDED, CONFLICT, IO, NO_SPACE
 */
export async function changeDockerConfig(
  path: string,
  change: (document: JsonObject) => JsonObject | undefined,
  call: Signal = {},
): Promise<void> {
  const target = await followed(path);
  await onceOnMachine(`credentials ${target}`, () => changeAlone(target, change, call), call);
}

async function changeAlone(
  path: string,
  change: (document: JsonObject) => JsonObject | undefined,
  { signal }: Signal,
): Promise<void> {
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    signal?.throwIfAborted();
    const before = await identityOf(path);
    const text = Buffer.from((before && (await readConfig(path))) ?? "").toString("utf8");
    const document = text === "" ? {} : parseDocument(Buffer.from(text), path);
    const changed = change(document);
    if (changed === undefined) return;
    const bytes = Buffer.from(`${JSON.stringify(changed, undefined, indentOf(text))}${text.endsWith("}") ? "" : "\n"}`);
    if (bytes.length > Limits.credentials) {
      throw new OciError(
        "LIMIT_EXCEEDED",
        `The credentials file ${path} would be larger than ${Limits.credentials} bytes`,
      );
    }
    if (await replace(path, bytes, before)) return;
  }
  throw new OciError("CONFLICT", `The credentials file ${path} is changed by others all the time`);
}

/** What tells a file from one that was written since. */
interface Identity {
  readonly text: string;
  readonly uid: number;
  readonly gid: number;
}

async function identityOf(path: string): Promise<Identity | undefined> {
  try {
    const found = await stat(path, { bigint: true });
    if (!found.isFile()) throw new OciError("FILE_INVALID", `The credentials file ${path} is not a regular file`);
    const { dev, ino, size, mtimeNs, ctimeNs, uid, gid } = found;
    return { text: [dev, ino, size, mtimeNs, ctimeNs].join(" "), uid: Number(uid), gid: Number(gid) };
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw diskError(error, "read the credentials file", path);
  }
}

/** Puts a new file in the place of the one that was read; false: that is not the one any more. */
async function replace(path: string, bytes: Uint8Array, before: Identity | undefined): Promise<boolean> {
  const temporary = join(dirname(path), `.${basename(path).slice(0, 100)}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    await fill(temporary, bytes, before);
    const same = (await identityOf(path))?.text === before?.text;
    if (same) await rename(temporary, path);
    else await unlink(temporary);
    return same;
  } catch (error) {
    // The first failure is the one to tell; the file may not even have been made.
    await unlink(temporary).catch(() => undefined);
    throw diskError(error, "write the credentials file", path);
  }
}

async function fill(path: string, bytes: Uint8Array, before: Identity | undefined): Promise<void> {
  await using file = await open(path, "wx", 0o600);
  const { uid, gid } = await file.stat();
  // Somebody else's file, changed by root, stays theirs.
  if (before && (before.uid !== uid || before.gid !== gid)) {
    await file.chown(before.uid, before.gid).catch(() => undefined);
  }
  await file.chmod(0o600);
  await file.writeFile(bytes);
  await file.sync();
}

/** The file behind a link, as it is or as it will be; its folder is there afterwards. */
async function followed(path: string): Promise<string> {
  const folder = dirname(path);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const found = await lstat(path).catch((error: unknown) => {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw error;
    });
    if (found?.isSymbolicLink()) return await realpath(path);
    // By one name, whoever asks: it is what writers wait for each other by.
    return join(await realpath(folder), basename(path));
  } catch (error) {
    throw new OciError("FILE_INVALID", diskError(error, "use the credentials file", path).message, { cause: error });
  }
}

/** How the file is written by now; a new one as Docker writes it. */
function indentOf(text: string): string {
  if (text === "") return "\t";
  return /^\s*\{\r?\n([ \t]+)"/.exec(text)?.[1] ?? (text.includes("\n") && text.trim() === "{}" ? "\t" : "");
}
