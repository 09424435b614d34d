import assert from "node:assert/strict";
import { digestOf } from "../../src/bytes/hash.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import type { Digest } from "../../src/spec/digest.ts";
import type { Piece } from "../support/content.ts";
import type { Answer, Client } from "./client.ts";

/** What a client has been told: it is there, it is not, or nothing that could be relied on. */
export type Presence = "there" | "gone" | "either";

/** What a request, once it was acknowledged, says about the registry. */
export type Claim =
  | { readonly type: "blob" | "manifest"; readonly repository: string; readonly part: Piece; readonly present: boolean }
  | { readonly type: "tag"; readonly repository: string; readonly tag: string; readonly to: Digest | null };

interface Content {
  readonly repository: string;
  readonly part: Piece;
  readonly presence: Presence;
}

interface Name {
  readonly repository: string;
  readonly tag: string;
  /** Where it may be; null: nowhere. */
  readonly allowed: ReadonlySet<Digest | null>;
}

interface Referenced {
  readonly subject?: Descriptor;
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
}

/**
 * An oracle: remembers what was acknowledged and what was only asked for, and compares
 * a registry with it.
 */
export class Ledger {
  readonly #blobs = new Map<string, Content>();
  readonly #manifests = new Map<string, Content>();
  readonly #tags = new Map<string, Name>();
  #isCollected = false;

  copy(): Ledger {
    const copy = new Ledger();
    for (const [key, value] of this.#blobs) copy.#blobs.set(key, value);
    for (const [key, value] of this.#manifests) copy.#manifests.set(key, value);
    for (const [key, value] of this.#tags) copy.#tags.set(key, value);
    return copy;
  }

  /** How many things it holds the registry to. */
  get size(): number {
    return this.#blobs.size + this.#manifests.size + this.#tags.size;
  }

  get repositories(): ReadonlySet<string> {
    return new Set([...this.#blobs.values(), ...this.#manifests.values()].map(({ repository }) => repository));
  }

  presence(type: "blob" | "manifest", repository: string, digest: Digest): Presence {
    const map = type === "blob" ? this.#blobs : this.#manifests;
    return map.get(`${repository} ${digest}`)?.presence ?? "gone";
  }

  /** Where a tag may be; null: nowhere. */
  tag(repository: string, tag: string): ReadonlySet<Digest | null> {
    return this.#tags.get(`${repository} ${tag}`)?.allowed ?? new Set([null]);
  }

  /** A request is on its way: from here on both may be so, before and after. */
  begin(claims: readonly Claim[]): void {
    for (const claim of claims) {
      if (claim.type === "tag") {
        this.#allow(claim.repository, claim.tag, new Set([...this.tag(claim.repository, claim.tag), claim.to]));
        continue;
      }
      const before = this.presence(claim.type, claim.repository, claim.part.descriptor.digest);
      this.#hold(claim, before === (claim.present ? "there" : "gone") ? before : "either");
    }
  }

  /** It was acknowledged: only what it claims may be so. */
  acknowledge(claims: readonly Claim[]): void {
    for (const claim of claims) {
      if (claim.type === "tag") this.#allow(claim.repository, claim.tag, new Set([claim.to]));
      else this.#hold(claim, claim.present ? "there" : "gone");
    }
  }

  /** What the deletion of a manifest claims: it goes, and the tags that are at it. */
  removal(repository: string, part: Piece): Claim[] {
    const { digest } = part.descriptor;
    const named = [...this.#tags.values()].filter((name) => name.repository === repository && name.allowed.has(digest));
    return [
      { type: "manifest", repository, part, present: false },
      ...named.map(({ tag }): Claim => ({ type: "tag", repository, tag, to: null })),
    ];
  }

  /** What garbage collection claims: blobs that no manifest of their repository names are gone. */
  garbage(): Claim[] {
    return this.#unnamed(["there", "either"]);
  }

  /** Blobs that are named by no manifest which has one of these presences. */
  #unnamed(by: readonly Presence[]): Claim[] {
    const named = new Set<string>();
    for (const { repository, part, presence } of this.#manifests.values()) {
      if (!by.includes(presence)) continue;
      for (const { digest } of contentOf(part)) named.add(`${repository} ${digest}`);
    }
    return [...this.#blobs].flatMap(([key, { repository, part, presence }]): Claim[] =>
      named.has(key) || presence === "gone" ? [] : [{ type: "blob", repository, part, present: false }],
    );
  }

  /** Garbage is collected behind the client's back: blobs that nothing names for sure may be gone, or be gone soon. */
  expectGarbage(): void {
    this.#isCollected = true;
    // A manifest of which nobody knows whether it came may name nothing.
    this.begin(this.#unnamed(["there"]));
  }

  /** Reads everything back. Whatever was acknowledged is there and whole; of the rest nothing is half there. */
  async check(client: Client): Promise<void> {
    for (const blob of this.#blobs.values()) await this.#checkContent(client, "blobs", blob);
    for (const manifest of this.#manifests.values()) {
      if (await this.#checkContent(client, "manifests", manifest)) await this.#checkBelow(client, manifest);
      await this.#checkListed(client, manifest);
    }
    for (const name of this.#tags.values()) await this.#checkTag(client, name);
    for (const repository of this.repositories) await this.#checkTags(client, repository);
  }

  #allow(repository: string, tag: string, allowed: ReadonlySet<Digest | null>): void {
    this.#tags.set(`${repository} ${tag}`, { repository, tag, allowed });
  }

  #hold({ type, repository, part }: Claim & { readonly part: Piece }, presence: Presence): void {
    const map = type === "blob" ? this.#blobs : this.#manifests;
    map.set(`${repository} ${part.descriptor.digest}`, { repository, part, presence });
  }

  /** True where it is there. */
  async #checkContent(client: Client, path: "blobs" | "manifests", content: Content): Promise<boolean> {
    const { repository, part, presence } = content;
    const { digest } = part.descriptor;
    const target = `/v2/${repository}/${path}/${digest}`;
    const answer = await client.say("GET", target);
    assert.ok(statuses(presence).includes(answer.status), describe(target, answer, presence));
    const head = await client.say("HEAD", target);
    // Between the two it may have been collected.
    if (!(this.#isCollected && presence === "either")) assert.equal(head.status, answer.status, `HEAD ${target}`);
    if (answer.status === 404) return false;
    assert.equal(digestOf(answer.bytes), digest, `the bytes of ${target}`);
    return true;
  }

  /** A manifest that can be read is whole: config and layers too, unless somebody deleted one. */
  async #checkBelow(client: Client, { repository, part }: Content): Promise<void> {
    for (const { digest } of contentOf(part)) {
      if (this.#blobs.get(`${repository} ${digest}`)?.presence !== "there") continue;
      const { status } = await client.say("HEAD", `/v2/${repository}/blobs/${digest}`);
      assert.equal(status, 200, `${part.descriptor.digest} is in ${repository}, its ${digest} is not`);
    }
  }

  async #checkListed(client: Client, { repository, part, presence }: Content): Promise<void> {
    const { subject } = parsed(part);
    if (subject === undefined) return;
    const target = `/v2/${repository}/referrers/${subject.digest}`;
    const answer = await client.say("GET", target);
    assert.equal(answer.status, 200, describe(target, answer, presence));
    const { manifests } = JSON.parse(answer.bytes.toString()) as { manifests: Descriptor[] };
    const isListed = manifests.some(({ digest }) => digest === part.descriptor.digest);
    if (presence !== "either") assert.equal(isListed, presence === "there", `${part.descriptor.digest} in ${target}`);
    if (!isListed) return;
    const { status } = await client.say("HEAD", `/v2/${repository}/manifests/${part.descriptor.digest}`);
    assert.equal(status, 200, `${part.descriptor.digest} is listed in ${target}`);
  }

  async #checkTag(client: Client, { repository, tag, allowed }: Name): Promise<void> {
    const target = `/v2/${repository}/manifests/${tag}`;
    const answer = await client.say("GET", target);
    if (answer.status === 404) {
      assert.ok(allowed.has(null), `${target} is nowhere, expected ${[...allowed].join(" or ")}`);
      return;
    }
    assert.equal(answer.status, 200, describe(target, answer, [...allowed].join(" or ")));
    const digest = digestOf(answer.bytes);
    assert.equal(answer.headers["docker-content-digest"], digest, target);
    assert.ok(allowed.has(digest), `${target} is at ${digest}, expected ${[...allowed].join(" or ")}`);
  }

  /** The list and the names agree. */
  async #checkTags(client: Client, repository: string): Promise<void> {
    const answer = await client.say("GET", `/v2/${repository}/tags/list`);
    const listed = answer.status === 404 ? [] : (JSON.parse(answer.bytes.toString()) as { tags: string[] }).tags;
    assert.ok([200, 404].includes(answer.status), describe(repository, answer, "a list"));
    for (const name of this.#tags.values()) {
      if (name.repository !== repository) continue;
      const isListed = listed.includes(name.tag);
      if (isListed) assert.notDeepEqual([...name.allowed], [null], `${name.tag} in the tags of ${repository}`);
      else assert.ok(name.allowed.has(null), `${name.tag} in the tags of ${repository}`);
    }
  }
}

function statuses(presence: Presence): readonly number[] {
  return { there: [200], gone: [404], either: [200, 404] }[presence];
}

function parsed(part: Piece): Referenced {
  return JSON.parse(Buffer.from(part.bytes).toString()) as Referenced;
}

function contentOf(part: Piece): readonly Descriptor[] {
  const { config, layers = [] } = parsed(part);
  return config === undefined ? layers : [config, ...layers];
}

function describe(target: string, answer: Answer, expected: string): string {
  return `${target} answered ${answer.status} ${answer.bytes.subarray(0, 300).toString()}, expected ${expected}`;
}
