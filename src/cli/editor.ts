import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OciError } from "../error/oci-error.ts";
import type { Context } from "./context.ts";

/** A text in a temporary file, for the user's editor. */
export interface EditedFile extends AsyncDisposable {
  readonly path: string;
  /** Starts the editor and gives what the file says when it has ended. @throws OciError USAGE where it failed */
  edit(): Promise<string>;
  /** The file stays when this is disposed. */
  keep(): void;
}

/** @param name of the file, which tells an editor what language it is */
export async function editedFile(text: string, name: string, context: Context): Promise<EditedFile> {
  const folder = await mkdtemp(join(tmpdir(), "berth-edit-"));
  const path = join(folder, name);
  await writeFile(path, text, { mode: 0o600 });
  let kept = false;
  return {
    path,
    async edit() {
      await runEditor(path, context);
      return readFile(path, "utf8");
    },
    keep() {
      kept = true;
    },
    async [Symbol.asyncDispose]() {
      if (!kept) await rm(folder, { recursive: true, force: true });
    },
  };
}

async function runEditor(path: string, { env, cwd, out }: Context): Promise<void> {
  const editor = env["VISUAL"] || env["EDITOR"] || "vi";
  // A shell, because the variable is a command line, as in "code --wait"; the path never becomes a part of it.
  const child = spawn("/bin/sh", ["-c", `${editor} "$1"`, "sh", path], {
    cwd,
    env: { ...env },
    // Standard output is for the result; an editor on a terminal draws on that of the errors then.
    stdio: ["inherit", out.terminal ? "inherit" : 2, 2],
  });
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  if (code === 0) return;
  throw new OciError(
    "USAGE",
    `The editor ${JSON.stringify(editor)} ended with ${code ?? signal}: nothing was changed`,
    {
      hint: "Set EDITOR to a command that edits the file it is given",
    },
  );
}
