import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { dirname, join } from "node:path";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import type { Digest } from "../../src/spec/digest.ts";
import { fsckLayout } from "../../src/layout/fsck.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import { toArray } from "../support/content.ts";

const SCRIPT = join(import.meta.dirname, "writer-child.ts");

/** A process that writes into a layout. */
export interface Writer {
  readonly process: ChildProcess;
  /** Lines it has said so far; each is whole. */
  said(): string[];
  /** The first line. */
  readonly begun: Promise<void>;
  readonly ended: Promise<{ code: number | null; stderr: string }>;
}

/** @param root the layout; beside it lies what makes the next writer start sooner, once one has ended */
export function startWriter(root: string, name: string, count: number): Writer {
  const child = spawn(process.execPath, [SCRIPT, root, name, `${count}`], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_COMPILE_CACHE: join(dirname(root), "compiled") },
  });
  let stdout = "";
  let stderr = "";
  const begun = Promise.withResolvers<void>();
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    if (stdout.includes("\n")) begun.resolve();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = new Promise<{ code: number | null; stderr: string }>((resolve) => {
    child.on("close", (code) => {
      begun.resolve();
      resolve({ code, stderr });
    });
  });
  return { process: child, said: () => stdout.split("\n").slice(0, -1), begun: begun.promise, ended };
}

/** Every acknowledged tag and referrer is there, and every blob is whole. */
export async function checkAcknowledged(root: string, lines: readonly string[]): Promise<void> {
  const report = await fsckLayout(root);
  assert.deepEqual(
    report.findings.filter((finding) => finding.severity !== "note"),
    [],
  );
  const store = await openLayout(root, { readOnly: true });
  const tags = new Map((await toArray(store.tags())).map((tag) => [tag.name, tag.descriptor?.digest]));
  for (const line of lines) {
    const [name = "", digest = ""] = line.split(" ");
    if (!name.startsWith(">")) {
      assert.equal(tags.get(name), digest, `the acknowledged tag ${name}`);
      continue;
    }
    const subject: Descriptor = { mediaType: "application/x", digest: name.slice(1) as Digest, size: 0 };
    const found = await toArray(store.referrers(subject));
    assert.deepEqual(
      found.map((item) => item.descriptor.digest),
      [digest],
      `the referrer of ${name}`,
    );
  }
}
