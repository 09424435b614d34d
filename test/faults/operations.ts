import { blob, image, index, type Piece } from "../support/content.ts";
import type { Session } from "./session.ts";

/** Content that a registry holds before anything fails. */
const old = image("old");
const twin = image("twin");
const doomed = image("doomed");
const subject = old.manifest.descriptor;
const referrer = image("referrer", { subject, artifactType: "application/x.test" });
const orphan = blob("orphan");
const shared = blob("shared by mounts".repeat(4096));
const elsewhere = blob("only elsewhere");

/** Where everything happens, and where mounts come from. */
export const HERE = "team/app";
export const THERE = "team/other";

async function push(session: Session, repository: string, parts: ReturnType<typeof image>): Promise<void> {
  for (const part of parts.blobs) await session.blob(repository, part);
}

/** Fills an empty registry. */
export async function prepare(session: Session): Promise<void> {
  for (const parts of [old, twin, doomed, referrer]) await push(session, HERE, parts);
  await session.manifest(HERE, old.manifest, ["v1", "stable"]);
  await session.tag(HERE, twin.manifest, "twin");
  await session.manifest(HERE, doomed.manifest, ["doomed", "gone", "away"]);
  await session.manifest(HERE, referrer.manifest);
  await session.blob(HERE, orphan);
  await session.blob(THERE, shared);
  await session.blob(THERE, elsewhere);
}

/** What is done while the disk fails; `name` makes its content differ from that of other runs. */
export type Operation = (session: Session, name: string) => Promise<void>;

function sized(name: string): Piece {
  return blob(Buffer.alloc(200_000, `content of ${name} `));
}

/** Everything that changes a registry, and everything that reads it. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  async "push by chunks"(session, name) {
    const parts = image(name);
    const [config, layer] = parts.blobs;
    await session.blob(HERE, sized(name), "chunks");
    if (config) await session.blob(HERE, config, "two requests");
    if (layer) await session.blob(HERE, layer);
    await session.tag(HERE, parts.manifest, `tag-${name}`);
  },
  async "push by digest with tags"(session, name) {
    const [one, two] = [image(`${name} one`), image(`${name} two`)];
    for (const parts of [one, two]) {
      await push(session, HERE, parts);
      await session.manifest(HERE, parts.manifest);
    }
    const both = index([one.manifest.descriptor, two.manifest.descriptor]);
    await session.manifest(HERE, both, [`all-${name}`, `both-${name}`, "stable"]);
  },
  async "first push of a repository"(session, name) {
    const parts = image(name);
    const repository = `${HERE}/below/${name}`;
    await push(session, repository, parts);
    await session.tag(repository, parts.manifest, "v1");
  },
  async "tags move"(session, name) {
    const parts = image(name);
    await session.tag(HERE, twin.manifest, "v1");
    await push(session, HERE, parts);
    await session.tag(HERE, parts.manifest, "v1");
    await session.tag(HERE, old.manifest, "stable");
  },
  async "tags go"(session) {
    await session.deleteTag(HERE, "stable");
    await session.deleteTag(HERE, "twin");
  },
  async "a manifest goes"(session) {
    await session.deleteManifest(HERE, doomed.manifest);
  },
  async "a referrer goes"(session) {
    await session.deleteManifest(HERE, referrer.manifest);
  },
  async "a blob goes"(session) {
    await session.deleteBlob(HERE, orphan);
    await session.blob(HERE, orphan);
    await session.deleteBlob(HERE, orphan);
  },
  async mount(session, name) {
    await session.mount(HERE, shared, THERE);
    await session.mount(`${HERE}/${name}`, shared, THERE);
    await session.mount(HERE, elsewhere);
  },
  async "a referrer comes"(session, name) {
    const parts = image(name, { subject, artifactType: "application/x.test", annotations: { "org.example": name } });
    await push(session, HERE, parts);
    await session.manifest(HERE, parts.manifest);
  },
  async "an upload is cancelled"(session, name) {
    await session.cancelled(HERE, sized(name));
  },
  async reads(session) {
    await session.read(`/v2/${HERE}/manifests/v1`);
    await session.read(`/v2/${HERE}/manifests/${subject.digest}`);
    await session.read(`/v2/${HERE}/blobs/${orphan.descriptor.digest}`);
    await session.read(`/v2/${HERE}/tags/list`);
    await session.read(`/v2/${HERE}/referrers/${subject.digest}`);
    await session.read("/v2/_catalog");
  },
};
