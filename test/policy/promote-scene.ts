import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLayout } from "../../src/layout/open-layout.ts";
import { createMemoryRegistry, createMemoryStore } from "../../src/memory/memory.ts";
import type { Place } from "../../src/policy/match.ts";
import type { PromotedBy } from "../../src/policy/leave-record.ts";
import { preparePromotion, type PreparedPromotion, type Promotion } from "../../src/policy/promote.ts";
import { prepareUndo, type PreparedUndo } from "../../src/policy/undo.ts";
import { openRemote } from "../../src/remote/open-remote.ts";
import { serve, type ServerEvent } from "../../src/server/serve.ts";
import { signManifests } from "../../src/sign/sign.ts";
import type { Descriptor } from "../../src/spec/descriptor.ts";
import type { Registry, Store } from "../../src/store/store.ts";
import { toArray } from "../support/content.ts";
import { ann, engineOf, pushApp, requiring } from "./scene.ts";

export const POLICY: string = requiring("- signature: { by: ann }");
export const BY: PromotedBy = { signer: ann.signer, facts: { keyId: ann.signer.keyId } };
export const PLACE: Place = { repository: "prod/app", tags: ["v1", "stable"] };

export async function prepare(
  source: Store,
  subject: Descriptor,
  target: Store,
  place: Place = PLACE,
): Promise<PreparedPromotion> {
  return preparePromotion({
    source,
    subject,
    place,
    target: async () => target,
    engine: await engineOf(POLICY),
    from: "staging/app:v1",
  });
}

export async function promote(source: Store, subject: Descriptor, target: Store, place?: Place): Promise<Promotion> {
  return (await prepare(source, subject, target, place)).run(BY);
}

export async function undo(target: Store, subject: Descriptor, place: Place = PLACE, by = ann): Promise<PreparedUndo> {
  return prepareUndo({ target, subject, place, verifiers: [by.verifier] });
}

export async function signed(
  store: Store = createMemoryStore(),
  seed = "amd64",
): Promise<{ store: Store; subject: Descriptor }> {
  const subject = await pushApp(store, { architecture: seed });
  await signManifests({ subjects: [{ target: store, descriptor: subject }], signer: ann.signer });
  return { store, subject };
}

export const at = async (store: Store, tag: string): Promise<string | undefined> =>
  (await toArray(store.tags())).find(({ name }) => name === tag)?.descriptor?.digest;

/** Every medium that things are promoted to. */
export const targets: Readonly<Record<string, (scope: AsyncDisposableStack) => Promise<Store>>> = {
  memory: async () => createMemoryStore(),
  layout: async (scope) => {
    const folder = await mkdtemp(join(tmpdir(), "berth-promote-"));
    scope.defer(() => rm(folder, { recursive: true, force: true }));
    return scope.use(await openLayout(folder, { create: true }));
  },
  registry: async (scope) => (await openServed(scope, createMemoryRegistry())).store,
};

export async function openServed(
  scope: AsyncDisposableStack,
  registry: Registry,
): Promise<{ host: string; store: Store; requests: ServerEvent[] }> {
  const requests: ServerEvent[] = [];
  const server = await serve({ registry, port: 0, onEvent: (event) => requests.push(event) });
  scope.defer(() => server.close(0));
  const { host } = new URL(server.url);
  return { host, requests, store: scope.use(await openRemote({ host, repository: "prod/app" })) };
}
