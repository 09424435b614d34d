import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRegistry } from "../../src/open/open-registry.ts";
import { openRemote } from "../../src/remote/open-remote.ts";
import { createGate, type Gate, type GateOptions } from "../../src/server/gate/gate.ts";
import type { GateEvent, GateJudge } from "../../src/server/gate/judge.ts";
import type { HandlerOptions } from "../../src/server/handler.ts";
import { parsePushers } from "../../src/server/pushers.ts";
import { serve } from "../../src/server/serve.ts";
import { openLayout } from "../../src/layout/open-layout.ts";
import type { Registry, Store } from "../../src/store/store.ts";
import { engineOf, requiring } from "../policy/scene.ts";

export const KINDS = ["depot", "layout"] as const;
export type Kind = (typeof KINDS)[number];

export const PUSHER = "ann:open sesame";
/** What every answer has of its own. */
const OWN: readonly string[] = ["date", "x-request-id"];

/** Signed by ann, on the index itself where it is one. */
export const SIGNED: string = requiring("- signature: { by: ann, on: index }");

export interface GateScene extends AsyncDisposable {
  readonly url: string;
  readonly host: string;
  readonly repository: string;
  readonly events: GateEvent[];
  readonly gate: Gate;
  /** Behind the gate, as it lies on the disk. */
  readonly store: Store;
  /** Our own client, with the pusher's credentials or without any. */
  readonly pusher: Store;
  readonly puller: Store;
  get(path: string, init?: RequestInit): Promise<Seen>;
  /** Waits for an event that comes of work that nobody waits for. */
  event(type: GateEvent["type"]): Promise<GateEvent>;
}

/** An answer without what differs from each to the next. */
export interface Seen {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

export interface GateSceneOptions {
  readonly kind?: Kind;
  readonly policy?: string;
  readonly gate?: Partial<GateOptions>;
  readonly handler?: Partial<HandlerOptions>;
  /** Everybody may push. */
  readonly open?: boolean;
  readonly judge?: (judge: GateJudge) => GateJudge;
  readonly registry?: (registry: Registry) => Registry;
  /** An empty one, or what another scene left; the caller removes it. A folder of its own by default. */
  readonly folder?: string;
}

export async function judgeOf(policy: string): Promise<GateJudge> {
  const engine = await engineOf(policy);
  return {
    policy: engine.policy.digest,
    guards: (repository) => engine.policy.default === "deny" || engine.concerns({ repository }),
    judge: (question) => engine.decide(question),
  };
}

/** A server with a gate over loopback, its registry on a disk. */
export async function openGateScene(options: GateSceneOptions = {}): Promise<GateScene> {
  const { kind = "depot", policy = SIGNED, open = false } = options;
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "berth-gate-")));
  const repository = kind === "layout" ? "app" : "team/app";
  if (kind === "layout") await (await openLayout(join(folder, "app"), { create: true }))[Symbol.asyncDispose]();
  const opened = await openRegistry(kind === "layout" ? join(folder, "app") : folder);
  const registry = options.registry?.(opened.registry) ?? opened.registry;
  const events: GateEvent[] = [];
  const judge = await judgeOf(policy);
  let wake = Promise.withResolvers<void>();
  const gate = createGate(registry, {
    judge: options.judge?.(judge) ?? judge,
    onEvent: (event) => {
      events.push(event);
      wake.resolve();
      wake = Promise.withResolvers();
    },
    ...options.gate,
  });
  const server = await serve({
    registry,
    gate,
    ...(open ? {} : parsePushers(PUSHER, "test")),
    ...options.handler,
  });
  const { host } = new URL(server.url);
  const [username = "", password = ""] = PUSHER.split(":");
  const known = { credentials: async () => ({ type: "basic" as const, username, password }), retries: 0 };
  const pusher = await openRemote({ host, repository, ...(open ? {} : known) });
  const puller = await openRemote({ host, repository, retries: 0 });
  return {
    url: server.url,
    host,
    repository,
    events,
    gate,
    store: await registry.repository(repository),
    pusher,
    puller,
    async get(path, init) {
      const answer = await fetch(`${server.url}/v2/${path}`, init);
      const headers = Object.fromEntries([...answer.headers].filter(([name]) => !OWN.includes(name)));
      return { status: answer.status, headers, text: await answer.text() };
    },
    async event(type) {
      for (;;) {
        const found = events.findIndex((event) => event.type === type);
        const [event] = found === -1 ? [] : events.splice(found, 1);
        if (event) return event;
        await wake.promise;
      }
    },
    async [Symbol.asyncDispose]() {
      for (const store of [pusher, puller]) await store[Symbol.asyncDispose]();
      await server.close(0);
      await gate[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
      if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The credentials of the pusher, as a header. */
export const AS_PUSHER: Readonly<Record<string, string>> = {
  authorization: `Basic ${Buffer.from(PUSHER).toString("base64")}`,
};
