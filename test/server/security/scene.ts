/** A server on loopback over a registry on disk, and eyes for what it left behind. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDepot } from "../../../src/depot/open-depot.ts";
import { openLayoutFolder } from "../../../src/layout/folder.ts";
import { type RunningServer, serve, type ServeOptions, type ServerEvent } from "../../../src/server/serve.ts";
import type { Registry } from "../../../src/store/store.ts";
import { image, type ImageParts, type Piece } from "../../support/content.ts";
import { Wire } from "../wire.ts";

/** Where the content lies. */
export const MEDIA = ["layouts", "depot"] as const;
export type Medium = (typeof MEDIA)[number];

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  /** The spec code of an error body. */
  readonly code: string | undefined;
}

export interface Sent {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface Scene extends AsyncDisposable {
  readonly medium: Medium;
  readonly root: string;
  readonly server: RunningServer;
  readonly registry: Registry;
  /** One for each request that was answered, in the order of their ends. */
  readonly events: readonly ServerEvent[];
  ask(method: string, target: string, sent?: Sent): Promise<Reply>;
  wire(): Promise<Wire>;
  /** Waits until the server has told of so many requests. */
  ended(count: number): Promise<void>;
  /** Closes server and registry; what lies on the disk stays. */
  close(): Promise<void>;
  /** Closes server and registry, and opens both again over what lies on the disk. */
  restart(options?: Partial<ServeOptions>): Promise<void>;
}

async function openMedium(medium: Medium, root: string): Promise<Registry> {
  return medium === "depot" ? await openDepot(root) : await openLayoutFolder(root);
}

class DiskScene implements Scene {
  readonly medium: Medium;
  readonly root: string;
  readonly events: ServerEvent[] = [];
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  #server: RunningServer | undefined;
  #registry: Registry | undefined;

  constructor(medium: Medium, root: string) {
    this.medium = medium;
    this.root = root;
  }

  get server(): RunningServer {
    if (!this.#server) throw new Error("The scene is closed");
    return this.#server;
  }

  get registry(): Registry {
    if (!this.#registry) throw new Error("The scene is closed");
    return this.#registry;
  }

  async open(options: Partial<ServeOptions>): Promise<void> {
    this.#registry = await openMedium(this.medium, this.root);
    this.#server = await serve({
      registry: this.#registry,
      ...options,
      onEvent: (event) => {
        this.events.push(event);
        options.onEvent?.(event);
      },
    });
  }

  async close(): Promise<void> {
    await this.#server?.close(0);
    await this.#registry?.[Symbol.asyncDispose]();
    this.#server = undefined;
    this.#registry = undefined;
  }

  async restart(options: Partial<ServeOptions> = {}): Promise<void> {
    await this.close();
    await this.open(options);
  }

  ask(method: string, target: string, sent: Sent = {}): Promise<Reply> {
    return ask(this.server, method, target, sent, this.#agent);
  }

  wire(): Promise<Wire> {
    return Wire.open(this.server);
  }

  async ended(count: number): Promise<void> {
    while (this.events.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy();
    await this.close();
    await rm(this.root, { recursive: true, force: true });
  }
}

export async function openScene(medium: Medium, options: Partial<ServeOptions> = {}): Promise<Scene> {
  const scene = new DiskScene(medium, await mkdtemp(join(tmpdir(), "berth-security-")));
  await scene.open(options);
  return scene;
}

/** Sends a target as it is written: no client library mends it on the way. */
export async function ask(
  server: Pick<RunningServer, "address">,
  method: string,
  target: string,
  sent: Sent = {},
  agent?: Agent,
): Promise<Reply> {
  const { body } = sent;
  const length = body === undefined ? {} : { "content-length": `${Buffer.byteLength(body)}` };
  const outgoing = request({
    host: server.address.address,
    port: server.address.port,
    method,
    path: target,
    headers: { ...length, ...sent.headers },
    ...(agent === undefined ? { agent: false } : { agent }),
  });
  outgoing.end(body);
  const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  const status = incoming.statusCode ?? 0;
  return { status, headers: incoming.headers, bytes, code: codeOf(status, bytes) };
}

function codeOf(status: number, bytes: Buffer): string | undefined {
  if (status < 400 || bytes.length === 0) return undefined;
  const { errors } = JSON.parse(bytes.toString()) as { errors: [{ code: string; message: string }] };
  return errors[0].code;
}

export function parsed<T>(reply: Reply): T {
  return JSON.parse(reply.bytes.toString()) as T;
}

export function putBlob(scene: Scene, repository: string, part: Piece): Promise<Reply> {
  return scene.ask("POST", `/v2/${repository}/blobs/uploads/?digest=${part.descriptor.digest}`, { body: part.bytes });
}

export function putManifest(scene: Scene, repository: string, part: Piece, name: string): Promise<Reply> {
  return scene.ask("PUT", `/v2/${repository}/manifests/${name}`, {
    body: part.bytes,
    headers: { "content-type": part.descriptor.mediaType },
  });
}

/** Pushes a small image with its blobs. */
export async function putImage(
  scene: Scene,
  repository: string,
  tag: string,
  parts: ImageParts = image(tag),
): Promise<ImageParts> {
  for (const part of parts.blobs) await putBlob(scene, repository, part);
  const answer = await putManifest(scene, repository, parts.manifest, tag);
  if (answer.status !== 201) throw new Error(`The image was not taken: ${answer.status} ${answer.bytes.toString()}`);
  return parts;
}

/** Opens an upload and returns its Location. */
export async function startUpload(scene: Scene, repository: string): Promise<string> {
  return (await scene.ask("POST", `/v2/${repository}/blobs/uploads/`)).headers.location ?? "";
}

/** What the server told of a request; it does so after its answer. */
export async function told(scene: Scene, { headers }: Reply): Promise<ServerEvent> {
  for (;;) {
    const event = scene.events.find(({ id }) => id === headers["x-request-id"]);
    if (event) return event;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** What a depot writes behind the answers: its catalog, and each index.json that follows it. */
const BEHIND = /^(?:.*\/)?(?:index\.json|\.berth\/(?:catalog\.db(?:-\w+)?|server\.lock))$/;

/** Every file below a folder with the digest of its content; what the server keeps for itself only where asked. */
export function files(root: string, options: { readonly own?: boolean } = {}): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  const isDepot = existsSync(join(root, ".berth/catalog.db"));
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(root.length + 1);
    if (!options.own && name.split("/").includes(".berth")) continue;
    if (isDepot && BEHIND.test(name)) continue;
    found[name] = createHash("sha256").update(readFileSync(path)).digest("hex");
  }
  return found;
}

/** Staged files of uploads, wherever they lie. */
export function staged(root: string): readonly string[] {
  return Object.keys(files(root, { own: true })).filter((name) => name.includes(".berth/uploads/"));
}

/** Where a blob lies in a repository's layout. */
export function blobPath(scene: Scene, repository: string, digest: string): string {
  return join(scene.root, repository, "blobs", digest.replace(":", "/"));
}

/** Descriptors that this process holds open. */
export function descriptors(): number {
  return readdirSync("/proc/self/fd").length;
}
