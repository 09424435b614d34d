import assert from "node:assert/strict";
import type { Digest } from "../../src/spec/digest.ts";
import type { Piece } from "../support/content.ts";
import type { Answer, Client, Sent } from "./client.ts";
import type { Claim, Ledger } from "./ledger.ts";

/** The registry said that it failed. */
export class Refused extends Error {
  readonly status: number;

  constructor(request: string, { status }: { readonly status: number }) {
    super(`${request}: ${status}`);
    this.status = status;
  }
}

/**
 * What a registry whose disk fails may answer: never that something is not there, never that all is well. 403:
 * the system has made the file system read-only.
 */
const FAILURES: readonly number[] = [403, 500, 503, 507];

/** How a blob is sent. */
export type Way = "one request" | "two requests" | "chunks";

/** A client that writes down what it asks for and what is acknowledged. */
export class Session {
  readonly client: Client;
  readonly ledger: Ledger;
  /** Requests that were acknowledged. */
  acknowledged = 0;
  /** The request under way or the last one. */
  at = "";

  constructor(client: Client, ledger: Ledger) {
    this.client = client;
    this.ledger = ledger;
  }

  async blob(repository: string, part: Piece, way: Way = "one request"): Promise<void> {
    const claims: Claim[] = [{ type: "blob", repository, part, present: true }];
    this.ledger.begin(claims);
    const uploads = `/v2/${repository}/blobs/uploads/`;
    const { digest } = part.descriptor;
    const { bytes } = part;
    if (way === "one request") {
      await this.#expect([201], "POST", `${uploads}?digest=${digest}`, { body: bytes });
    } else {
      let { headers } = await this.#expect([202], "POST", uploads);
      const middle = way === "chunks" ? bytes.length >> 1 : 0;
      if (way === "chunks") {
        for (const [from, to] of [
          [0, middle >> 1],
          [middle >> 1, middle],
        ] as const) {
          const sent = { body: bytes.subarray(from, to), headers: { "content-range": `${from}-${to - 1}` } };
          ({ headers } = await this.#expect([202], "PATCH", headers["location"] ?? "", sent));
        }
      }
      const body = bytes.subarray(middle);
      await this.#expect([201], "PUT", `${headers["location"]}?digest=${digest}`, { body });
    }
    this.#acknowledge(claims);
  }

  /** Begins an upload and throws it away. */
  async cancelled(repository: string, part: Piece): Promise<void> {
    const { headers } = await this.#expect([202], "POST", `/v2/${repository}/blobs/uploads/`);
    await this.#expect([202], "PATCH", headers["location"] ?? "", { body: part.bytes });
    await this.#expect([204], "DELETE", headers["location"] ?? "");
  }

  /** Mounts a blob; where the registry would rather have it sent, sends it. */
  async mount(repository: string, part: Piece, from?: string): Promise<void> {
    const claims: Claim[] = [{ type: "blob", repository, part, present: true }];
    this.ledger.begin(claims);
    const { digest } = part.descriptor;
    const query = from === undefined ? "" : `&from=${from}`;
    const target = `/v2/${repository}/blobs/uploads/?mount=${digest}${query}`;
    const { status, headers } = await this.#expect([201, 202], "POST", target);
    if (status === 202) {
      await this.#expect([201], "PUT", `${headers["location"]}?digest=${digest}`, { body: part.bytes });
    }
    this.#acknowledge(claims);
  }

  /** Pushes a manifest under its digest, with tags. */
  async manifest(repository: string, part: Piece, tags: readonly string[] = []): Promise<void> {
    const { digest, mediaType } = part.descriptor;
    const claims = pushed(repository, part, tags);
    this.ledger.begin(claims);
    const query = tags.length === 0 ? "" : `?${tags.map((tag) => `tag=${tag}`).join("&")}`;
    const sent = { body: part.bytes, headers: { "content-type": mediaType } };
    await this.#expect([201], "PUT", `/v2/${repository}/manifests/${digest}${query}`, sent);
    this.#acknowledge(claims);
  }

  /** Pushes a manifest under a tag. */
  async tag(repository: string, part: Piece, tag: string): Promise<void> {
    const claims = pushed(repository, part, [tag]);
    this.ledger.begin(claims);
    const sent = { body: part.bytes, headers: { "content-type": part.descriptor.mediaType } };
    await this.#expect([201], "PUT", `/v2/${repository}/manifests/${tag}`, sent);
    this.#acknowledge(claims);
  }

  async deleteTag(repository: string, tag: string): Promise<void> {
    const allowed = this.ledger.tag(repository, tag);
    const claims: Claim[] = [{ type: "tag", repository, tag, to: null }];
    this.ledger.begin(claims);
    await this.#expect(
      deletion(allowed.has(null), allowed.size > 1 || !allowed.has(null)),
      "DELETE",
      `/v2/${repository}/manifests/${tag}`,
    );
    this.#acknowledge(claims);
  }

  async deleteManifest(repository: string, part: Piece): Promise<void> {
    const presence = this.ledger.presence("manifest", repository, part.descriptor.digest);
    const claims = this.ledger.removal(repository, part);
    this.ledger.begin(claims);
    const target = `/v2/${repository}/manifests/${part.descriptor.digest}`;
    await this.#expect(deletion(presence !== "there", presence !== "gone"), "DELETE", target);
    this.#acknowledge(claims);
  }

  async deleteBlob(repository: string, part: Piece): Promise<void> {
    const presence = this.ledger.presence("blob", repository, part.descriptor.digest);
    const claims: Claim[] = [{ type: "blob", repository, part, present: false }];
    this.ledger.begin(claims);
    const target = `/v2/${repository}/blobs/${part.descriptor.digest}`;
    await this.#expect(deletion(presence !== "there", presence !== "gone"), "DELETE", target);
    this.#acknowledge(claims);
  }

  /** Collects garbage that is of any age. */
  async collect(collector: () => Promise<void>): Promise<void> {
    const claims = this.ledger.garbage();
    this.ledger.begin(claims);
    this.at = "garbage collection";
    await collector();
    this.#acknowledge(claims);
  }

  /** Asks for what the ledger knows to be there. */
  async read(target: string): Promise<Answer> {
    return await this.#expect([200], "GET", target);
  }

  #acknowledge(claims: readonly Claim[]): void {
    this.ledger.acknowledge(claims);
    this.acknowledged += 1;
  }

  /** @throws Refused when the registry failed, Cut */
  async #expect(expected: readonly number[], method: string, target: string, sent?: Sent): Promise<Answer> {
    this.at = `${method} ${target}`;
    const answer = await this.client.say(method, target, sent);
    if (expected.includes(answer.status)) return answer;
    const text = answer.bytes.subarray(0, 300).toString();
    assert.ok(
      FAILURES.includes(answer.status),
      `${this.at} answered ${answer.status} ${text}, expected ${expected.join(", ")}`,
    );
    throw new Refused(this.at, answer);
  }
}

function pushed(repository: string, part: Piece, tags: readonly string[]): Claim[] {
  const to: Digest = part.descriptor.digest;
  return [
    { type: "manifest", repository, part, present: true },
    ...tags.map((tag): Claim => ({ type: "tag", repository, tag, to })),
  ];
}

function deletion(mayBeAbsent: boolean, mayBeThere: boolean): readonly number[] {
  return [...(mayBeThere ? [202] : []), ...(mayBeAbsent ? [404] : [])];
}
