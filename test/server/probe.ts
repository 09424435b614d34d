import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bytes } from "../../src/bytes/bytes.ts";
import { fromBuffer } from "../../src/bytes/bytes.ts";
import { openDepot } from "../../src/depot/open-depot.ts";
import { openLayoutFolder } from "../../src/layout/folder.ts";
import { createMemoryRegistry } from "../../src/memory/index.ts";
import { createHandler, type Handler, type HandlerOptions } from "../../src/server/handler.ts";
import { isContentBody } from "../../src/server/message.ts";
import type { Registry } from "../../src/store/store.ts";
import { image, type ImageParts, type Piece, readAll } from "../support/content.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly bytes: Buffer;
  /** The spec code of an error body. */
  readonly code: string | undefined;
}

export interface Sent {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | Bytes;
  readonly who?: string;
}

/** Speaks to a handler as a client would, without sockets. */
export interface Probe extends AsyncDisposable {
  readonly registry: Registry;
  readonly handler: Handler;
  send(method: string, target: string, sent?: Sent): Promise<Answer>;
}

export const MEDIA = ["memory", "layouts", "depot"] as const;
export type Medium = (typeof MEDIA)[number];

export async function openRegistry(medium: Medium): Promise<{ registry: Registry; cleanup: () => Promise<void> }> {
  if (medium === "memory") return { registry: createMemoryRegistry(), cleanup: async () => undefined };
  const folder = await mkdtemp(join(tmpdir(), "berth-server-"));
  return {
    registry: await (medium === "depot" ? openDepot(folder) : openLayoutFolder(folder)),
    cleanup: () => rm(folder, { recursive: true, force: true }),
  };
}

export async function openProbe(medium: Medium = "memory", options: HandlerOptions = {}): Promise<Probe> {
  const { registry, cleanup } = await openRegistry(medium);
  const handler = createHandler(registry, options);
  return {
    registry,
    handler,
    send: (method, target, sent) => send(handler, method, target, sent),
    async [Symbol.asyncDispose]() {
      await handler[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
      await cleanup();
    },
  };
}

export async function send(handler: Handler, method: string, target: string, sent: Sent = {}): Promise<Answer> {
  const { body } = sent;
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  const length: Record<string, string> =
    bytes instanceof Uint8Array
      ? { "content-length": `${bytes.length}` }
      : bytes
        ? { "transfer-encoding": "chunked" }
        : {};
  const response = await handler({
    method,
    target,
    headers: { ...length, ...sent.headers },
    body: bytes instanceof Uint8Array ? fromBuffer(Uint8Array.from(bytes)) : (bytes ?? fromBuffer(Buffer.alloc(0))),
    ...(sent.who === undefined ? {} : { who: sent.who }),
  });
  const got = await readBody(response.body);
  return { status: response.status, headers: response.headers, bytes: got, code: codeOf(response.status, got) };
}

async function readBody(body: Awaited<ReturnType<Handler>>["body"]): Promise<Buffer> {
  if (body === undefined) return Buffer.alloc(0);
  if (!isContentBody(body)) return Buffer.from(body);
  await using content = body.content;
  return await readAll(content.bytes());
}

function codeOf(status: number, bytes: Buffer): string | undefined {
  if (status < 400 || bytes.length === 0) return undefined;
  const { errors } = JSON.parse(bytes.toString()) as { errors: [{ code: string; message: string }] };
  return errors[0].code;
}

export function text(answer: Answer, name: string): string {
  const value = answer.headers[name];
  return typeof value === "string" ? value : (value?.join(",") ?? "");
}

export function parsed<T>(answer: Answer): T {
  return JSON.parse(answer.bytes.toString()) as T;
}

/** Pushes a blob in one request. */
export async function putBlob(probe: Probe, repository: string, part: Piece): Promise<Answer> {
  return probe.send("POST", `/v2/${repository}/blobs/uploads/?digest=${part.descriptor.digest}`, { body: part.bytes });
}

export async function putManifest(probe: Probe, repository: string, part: Piece, name: string): Promise<Answer> {
  return probe.send("PUT", `/v2/${repository}/manifests/${name}`, {
    body: part.bytes,
    headers: { "content-type": part.descriptor.mediaType },
  });
}

/** Pushes a small image with its blobs. */
export async function putImage(
  probe: Probe,
  repository: string,
  tag: string,
  parts: ImageParts = image(tag),
): Promise<ImageParts> {
  for (const part of parts.blobs) await putBlob(probe, repository, part);
  await putManifest(probe, repository, parts.manifest, tag);
  return parts;
}

/** Opens an upload and returns its Location. */
export async function startUpload(probe: Probe, repository: string): Promise<string> {
  return text(await probe.send("POST", `/v2/${repository}/blobs/uploads/`), "location");
}
