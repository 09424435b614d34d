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

/** Where an operation happens. */
export interface Place {
  /** The repository that is changed. */
  readonly here: string;
  /** Where mounts come from. */
  readonly there: string;
  /** Makes new content differ from that of other runs. */
  readonly name: string;
}

export const PLACE: Place = { here: "team/app", there: "team/other", name: "trial" };

async function push(session: Session, repository: string, parts: ReturnType<typeof image>): Promise<void> {
  for (const part of parts.blobs) await session.blob(repository, part);
}

/** Puts in place what the operations work on. */
export async function prepare(session: Session, { here, there }: Place): Promise<void> {
  for (const parts of [old, twin, doomed, referrer]) await push(session, here, parts);
  await session.manifest(here, old.manifest, ["v1", "stable"]);
  await session.tag(here, twin.manifest, "twin");
  await session.manifest(here, doomed.manifest, ["doomed", "gone", "away"]);
  await session.manifest(here, referrer.manifest);
  await session.blob(here, orphan);
  await session.blob(there, shared);
  await session.blob(there, elsewhere);
}

/** What is done while the disk fails. */
export type Operation = (session: Session, place: Place) => Promise<void>;

function sized(name: string): Piece {
  return blob(Buffer.alloc(200_000, `content of ${name} `));
}

/** Everything that changes a registry, and everything that reads it. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  async reads(session, { here, there }) {
    await session.read(`/v2/${here}/manifests/v1`);
    await session.read(`/v2/${here}/manifests/${subject.digest}`);
    await session.read(`/v2/${there}/blobs/${shared.descriptor.digest}`);
    await session.read(`/v2/${here}/tags/list`);
    await session.read(`/v2/${here}/referrers/${subject.digest}`);
    await session.read("/v2/_catalog");
  },
  async "push by chunks"(session, { here, name }) {
    const parts = image(name);
    const [config, layer] = parts.blobs;
    await session.blob(here, sized(name), "chunks");
    if (config) await session.blob(here, config, "two requests");
    if (layer) await session.blob(here, layer);
    await session.tag(here, parts.manifest, `tag-${name}`);
  },
  async "push by digest with tags"(session, { here, name }) {
    const [one, two] = [image(`${name} one`), image(`${name} two`)];
    for (const parts of [one, two]) {
      await push(session, here, parts);
      await session.manifest(here, parts.manifest);
    }
    const both = index([one.manifest.descriptor, two.manifest.descriptor]);
    await session.manifest(here, both, [`all-${name}`, `both-${name}`, "stable"]);
  },
  async "first push of a repository"(session, { here, name }) {
    const parts = image(name);
    const repository = `${here}/below/${name}`;
    await push(session, repository, parts);
    await session.tag(repository, parts.manifest, "v1");
  },
  async "tags move"(session, { here, name }) {
    const parts = image(name);
    await session.tag(here, twin.manifest, "v1");
    await push(session, here, parts);
    await session.tag(here, parts.manifest, "v1");
    await session.tag(here, old.manifest, "stable");
  },
  async "tags go"(session, { here }) {
    await session.deleteTag(here, "stable");
    await session.deleteTag(here, "twin");
  },
  async "a manifest goes"(session, { here }) {
    await session.deleteManifest(here, doomed.manifest);
  },
  async "a referrer goes"(session, { here }) {
    await session.deleteManifest(here, referrer.manifest);
  },
  async "a blob goes"(session, { here }) {
    await session.deleteBlob(here, orphan);
    await session.blob(here, orphan);
    await session.deleteBlob(here, orphan);
  },
  async mount(session, { here, there, name }) {
    await session.mount(here, shared, there);
    await session.mount(`${here}/${name}`, shared, there);
    await session.mount(here, elsewhere);
  },
  async "a referrer comes"(session, { here, name }) {
    const parts = image(name, { subject, artifactType: "application/x.test", annotations: { "org.example": name } });
    await push(session, here, parts);
    await session.manifest(here, parts.manifest);
  },
  async "an upload is cancelled"(session, { here, name }) {
    await session.cancelled(here, sized(name));
  },
};

/** Leaves garbage, and collects it. */
export async function collect(session: Session, { here }: Place, collector: () => Promise<void>): Promise<void> {
  await session.deleteManifest(here, doomed.manifest);
  await session.collect(collector);
}
