import { createHash } from "node:crypto";
import { Pool } from "undici";

export interface Address {
  readonly host: string;
}

export interface Blob {
  readonly digest: string;
  readonly size: number;
}

export function digestOf(bytes: Uint8Array | string): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

const pools = new Map<string, Pool>();

function pool(host: string): Pool {
  const known = pools.get(host) ?? new Pool(`http://${host}`, { connections: 64, bodyTimeout: 0, headersTimeout: 0 });
  pools.set(host, known);
  return known;
}

/** Closes the connections to a host, so that it can end. */
export async function hangUp({ host }: Address): Promise<void> {
  await pools.get(host)?.destroy();
  pools.delete(host);
}

interface Answer {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

interface Asked {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH";
  readonly path: string;
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: AsyncIterable<Uint8Array> | Uint8Array | string;
}

/** One request; any status but the one expected is an error that says what came. */
export async function ask({ host }: Address, { status, path, method, headers = {}, body }: Asked): Promise<Answer> {
  const answer = await pool(host).request({
    method,
    path,
    headers,
    ...(body === undefined ? {} : { body: body as Buffer }),
  });
  const received = Buffer.from(await answer.body.arrayBuffer());
  if (answer.statusCode === status) return { headers: answer.headers, body: received };
  throw new Error(
    `${method} http://${host}${path}: expected ${status}, got ${answer.statusCode}: ${received.toString().slice(0, 500)}`,
  );
}

/** Pushes a blob as clients do: POST, PATCH with all of it, PUT. */
export async function pushBlob(
  server: Address,
  repository: string,
  { digest, size }: Blob,
  body: AsyncIterable<Uint8Array> | Uint8Array,
): Promise<void> {
  const started = await ask(server, { method: "POST", path: `/v2/${repository}/blobs/uploads/`, status: 202 });
  const sent = await ask(server, {
    method: "PATCH",
    path: location(server, started),
    status: 202,
    headers: { "content-type": "application/octet-stream", "content-length": `${size}` },
    body,
  });
  const last = location(server, sent);
  const path = `${last}${last.includes("?") ? "&" : "?"}digest=${encodeURIComponent(digest)}`;
  await ask(server, { method: "PUT", path, status: 201, headers: { "content-length": "0" } });
}

function location({ host }: Address, { headers }: Answer): string {
  const { pathname, search } = new URL(String(headers["location"]), `http://${host}`);
  return `${pathname}${search}`;
}

export const IMAGE_MANIFEST = "application/vnd.oci.image.manifest.v1+json";

export async function pushManifest(server: Address, repository: string, name: string, manifest: string): Promise<void> {
  await ask(server, {
    method: "PUT",
    path: `/v2/${repository}/manifests/${name}`,
    status: 201,
    headers: { "content-type": IMAGE_MANIFEST },
    body: manifest,
  });
}

/** Reads something once and fails unless size and digest are right. */
export async function check(server: Address, path: string, { digest, size }: Blob): Promise<void> {
  const headers = { accept: IMAGE_MANIFEST };
  const answer = await pool(server.host).request({ method: "GET", path, headers });
  const hash = createHash("sha256");
  let received = 0;
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    hash.update(chunk);
    received += chunk.length;
  }
  const got = `${answer.statusCode}, ${received} bytes, sha256:${hash.digest("hex")}`;
  const expected = `200, ${size} bytes, ${digest}`;
  if (got !== expected) throw new Error(`GET http://${server.host}${path}: expected ${expected}, got ${got}`);
}
