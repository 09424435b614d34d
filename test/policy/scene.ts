import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createMemoryStore } from "../../src/memory/memory.ts";
import type { Decision } from "../../src/policy/decision.ts";
import { type DecideOptions, openPolicy, type PolicyEngine } from "../../src/policy/engine.ts";
import { parsePolicy } from "../../src/policy/parse-policy.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import { MediaType } from "../../src/spec/media-type.ts";
import type { Store } from "../../src/store/store.ts";
import { index, json, type Piece, piece, pushBlob, pushManifest } from "../support/content.ts";
import { person, type Person } from "../sign/scene.ts";

/** The moment that everything here is judged at; two days after the fixtures' scans. */
export const NOW: Date = new Date("2026-11-20T09:00:00Z");

export const ann: Person = person("ann");
export const bob: Person = person("bob");
const people: Readonly<Record<string, Person>> = { "ann.pub": ann, "bob.pub": bob };

export function fixture(name: string): Promise<string> {
  return readFile(join(import.meta.dirname, "fixtures", name), "utf8");
}

/** The head that most policies here share. */
export const HEAD = `version: 1
identities:
  ann: { key: ann.pub }
  bob: { key: bob.pub }
rules:
`;

/** A policy of one rule about everything. */
export function requiring(requirements: string, more: string = ""): string {
  const indented = requirements
    .trim()
    .split("\n")
    .map((line) => `      ${line}`)
    .join("\n");
  return `${HEAD}  - name: all\n    repositories: ["**"]\n${more}    require:\n${indented}\n`;
}

export async function engineOf(text: string): Promise<PolicyEngine> {
  return openPolicy(await parsePolicy(Buffer.from(text), { file: "policy.yaml" }), {
    openVerifier: async (identity, name) => {
      const verifier = identity.kind === "key" ? people[identity.key]?.verifier : undefined;
      if (!verifier) throw new Error(`Nobody is ${name}`);
      return () => verifier;
    },
  });
}

export async function decide(
  text: string,
  source: Store,
  subject: Descriptor,
  more: Partial<DecideOptions> = {},
): Promise<Decision> {
  const engine = await engineOf(text);
  return engine.decide({ source, subject, repository: "team/app", tags: ["v1"], now: NOW, ...more });
}

/** What is missing, one text for each finding that does not hold. */
export function missing({ rules, reason }: Decision): readonly string[] {
  const texts = rules.flatMap(({ findings }) =>
    findings.filter(({ holds }) => !holds).map((each) => `${each.requirement} on ${each.on}: ${each.missing ?? ""}`),
  );
  return texts.length > 0 || reason === undefined ? texts : [reason];
}

export interface ImageOptions {
  readonly architecture?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly created?: string;
  readonly user?: string;
}

/** A runnable image, small. */
export async function pushApp(
  store: Store,
  options: ImageOptions = {},
  tags: readonly string[] = [],
): Promise<Descriptor> {
  const { architecture = "amd64", labels = {}, annotations, created = "2026-11-19T00:00:00Z", user } = options;
  const config = json(
    {
      architecture,
      os: "linux",
      created,
      config: { Labels: labels, ...(user === undefined ? {} : { User: user }) },
      rootfs: { type: "layers", diff_ids: [] },
    },
    MediaType.ImageConfig,
  );
  const layer = piece(`layer for ${architecture}`, MediaType.Layer);
  const manifest = json(
    {
      schemaVersion: 2,
      mediaType: MediaType.ImageManifest,
      config: config.descriptor,
      layers: [layer.descriptor],
      ...(annotations ? { annotations } : {}),
    },
    MediaType.ImageManifest,
  );
  for (const each of [config, layer]) await pushBlob(store, each);
  await pushManifest(store, manifest, tags);
  return manifest.descriptor;
}

export interface AppIndex {
  readonly store: Store;
  readonly root: Descriptor;
  readonly amd: Descriptor;
  readonly arm: Descriptor;
}

/** An index of two platforms. */
export async function pushIndex(store: Store = createMemoryStore(), tags: readonly string[] = []): Promise<AppIndex> {
  const amd = await pushApp(store);
  const arm = await pushApp(store, { architecture: "arm64" });
  const top = index([
    { ...amd, platform: { os: "linux", architecture: "amd64" } },
    { ...arm, platform: { os: "linux", architecture: "arm64" } },
  ]);
  await pushManifest(store, top, tags);
  return { store, root: top.descriptor, amd, arm };
}

/** Hangs a document on a manifest. */
export async function hang(
  store: Store,
  subject: Descriptor,
  content: string,
  artifactType: string,
  annotations: Readonly<Record<string, string>> = {},
): Promise<Piece> {
  const config = piece("{}", MediaType.Empty);
  const layer = piece(content, artifactType);
  const manifest = json(
    {
      schemaVersion: 2,
      mediaType: MediaType.ImageManifest,
      artifactType,
      config: config.descriptor,
      layers: [layer.descriptor],
      subject,
      annotations,
    },
    MediaType.ImageManifest,
  );
  for (const each of [config, layer]) await pushBlob(store, each);
  await pushManifest(store, manifest);
  return manifest;
}
