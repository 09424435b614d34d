import { createHash } from "node:crypto";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";

/** Content with its descriptor. */
export interface Part {
  readonly mediaType: string;
  readonly digest: string;
  readonly bytes: Uint8Array;
}

/** A manifest and what has to be there with it. */
export interface Image extends Part {
  readonly parts: readonly Part[];
  readonly children: readonly Image[];
}

export interface Answer {
  readonly status: number;
  readonly bytes: Uint8Array;
}

export function part(content: string | Uint8Array, mediaType: string): Part {
  const bytes = Buffer.from(content);
  return { mediaType, bytes, digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}` };
}

function descriptor({ mediaType, digest, bytes }: Part): object {
  return { mediaType, digest, size: bytes.length };
}

/** An image of layers that others have too, and a config that nobody else has. */
export function imageOf(name: string, layers: readonly Part[], subject?: Part): Image {
  const config = part(
    JSON.stringify({ architecture: "amd64", os: "linux", name }),
    "application/vnd.oci.image.config.v1+json",
  );
  const document = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: descriptor(config),
    layers: layers.map(descriptor),
    ...(subject ? { artifactType: "application/x.soak", subject: descriptor(subject) } : {}),
  };
  return { ...part(JSON.stringify(document), MANIFEST), parts: [config, ...layers], children: [] };
}

export function indexOf(children: readonly Image[]): Image {
  const document = { schemaVersion: 2, mediaType: INDEX, manifests: children.map(descriptor) };
  return { ...part(JSON.stringify(document), INDEX), parts: [], children };
}

/** The few calls of the distribution API that a pushing client makes. */
export class Client {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async has(repository: string, digest: string): Promise<boolean> {
    return (await this.call("HEAD", `${repository}/blobs/${digest}`)).status === 200;
  }

  async upload(repository: string, content: Part): Promise<number> {
    const { status, location } = await this.#open(`${repository}/blobs/uploads/`);
    return location === null ? status : await this.#finish(location, content);
  }

  /** 201: mounted. Where it could not be, it goes on with the upload that was opened instead. */
  async mount(repository: string, content: Part, from: string): Promise<"mounted" | number> {
    const query = new URLSearchParams({ mount: content.digest, from });
    const { status, location } = await this.#open(`${repository}/blobs/uploads/?${query.toString()}`);
    if (status === 201) return "mounted";
    return location === null || status !== 202 ? status : await this.#finish(location, content);
  }

  async #open(path: string): Promise<{ readonly status: number; readonly location: string | null }> {
    const answer = await fetch(`${this.#url}/v2/${path}`, { method: "POST" });
    await answer.arrayBuffer();
    return { status: answer.status, location: answer.headers.get("location") };
  }

  async #finish(location: string, { digest, bytes }: Part): Promise<number> {
    const target = new URL(location, this.#url);
    target.searchParams.set("digest", digest);
    const done = await fetch(target, { method: "PUT", body: bytes });
    await done.arrayBuffer();
    return done.status;
  }

  put(repository: string, reference: string, { mediaType, bytes }: Part): Promise<Answer> {
    return this.call("PUT", `${repository}/manifests/${reference}`, { "content-type": mediaType }, bytes);
  }

  get(repository: string, kind: "manifests" | "blobs", reference: string): Promise<Answer> {
    return this.call("GET", `${repository}/${kind}/${reference}`, { accept: `${MANIFEST}, ${INDEX}` });
  }

  delete(repository: string, kind: "manifests", reference: string): Promise<Answer> {
    return this.call("DELETE", `${repository}/${kind}/${reference}`);
  }

  async call(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>> = {},
    body?: Uint8Array,
  ): Promise<Answer> {
    const answer = await fetch(`${this.#url}/v2/${path}`, { method, headers, ...(body ? { body } : {}) });
    return { status: answer.status, bytes: new Uint8Array(await answer.arrayBuffer()) };
  }
}
