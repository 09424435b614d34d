import type { Digest } from "../../spec/digest.ts";
import { Limits } from "../../spec/limits.ts";
import type { Registry } from "../../store/store.ts";
import { GuardedRepository, manifestAt } from "./guarded-repository.ts";
import type { GateEvent, GateJudge } from "./judge.ts";
import { Natures } from "./nature.ts";
import { observe } from "./observed-store.ts";
import { veil } from "./veiled-store.ts";

export interface GateOptions {
  readonly judge: GateJudge;
  /** Turn away pushes of tags that break the policy. What breaks it is hidden in any case. */
  readonly refuse?: boolean;
  /** Called with every change; an image that pullers see from the start is none. */
  readonly onEvent?: (event: GateEvent) => void;
  /** The moment that ages are told by. */
  readonly now?: () => Date;
}

/**
 * A registry behind a policy. Disposing waits for what is being decided, and leaves the registry open.
 */
export interface Gate extends AsyncDisposable {
  /** As pullers see it. */
  readonly veiled: Registry;
  /** As pushers see it: whole. All writing has to go by way of it. */
  readonly whole: Registry;
}

/** Puts a policy before a registry. Repositories that the policy says nothing about are handed through untouched. */
export function createGate(registry: Registry, options: GateOptions): Gate {
  const { judge, refuse = false, onEvent = () => undefined, now = () => new Date() } = options;
  const natures = new Natures();
  const repositories = new Map<string, GuardedRepository>();
  const waiting = new Map<string, readonly [name: string, digest: Digest]>();
  let working: Promise<void> | undefined;
  let ended = false;

  function guardedAt(name: string): GuardedRepository | undefined {
    const known = repositories.get(name);
    if (known) return known;
    if (!judge.guards(name)) return undefined;
    const guarded = new GuardedRepository({ name, judge, natures, now, onEvent });
    repositories.set(name, guarded);
    return guarded;
  }

  /** Decides before anybody asks, one after the other: nobody waits for it, and it is told at once. */
  async function work(): Promise<void> {
    for (const [key, [name, digest]] of waiting) {
      waiting.delete(key);
      if (ended) continue;
      // What fails here is decided, and told of, when somebody asks.
      await decide(name, digest).catch(() => undefined);
    }
    working = undefined;
  }

  async function decide(name: string, digest: Digest): Promise<void> {
    const guarded = guardedAt(name);
    if (!guarded || !(await registry.has(name))) return;
    const store = await registry.repository(name);
    const descriptor = await manifestAt(store, digest);
    if (!descriptor) return;
    await guarded.isVisible(store, descriptor);
    for await (const parent of guarded.parentsOf(store, digest)) {
      if (guarded.wasAsked(parent.digest)) await guarded.isVisible(store, parent);
    }
  }

  function reconsider(name: string, digests: readonly Digest[]): void {
    for (const digest of digests) {
      if (waiting.size < Limits.gateWaiting) waiting.set(`${name}@${digest}`, [name, digest]);
    }
    if (waiting.size > 0) working ??= work();
  }

  const shared: Registry = {
    has: (name) => registry.has(name),
    repositories: (page) => registry.repositories(page),
    ...(registry.holders ? { holders: registry.holders.bind(registry) } : {}),
    repository: (name) => registry.repository(name),
    [Symbol.asyncDispose]: async () => undefined,
  };

  return {
    whole: {
      ...shared,
      async repository(name) {
        const store = await registry.repository(name);
        const guarded = guardedAt(name);
        if (!guarded) return store;
        return observe(store, {
          guarded,
          natures,
          refuse,
          now,
          onEvent,
          reconsider: (digests) => reconsider(name, digests),
        });
      },
    },
    veiled: {
      ...shared,
      async repository(name) {
        const store = await registry.repository(name);
        const guarded = guardedAt(name);
        return guarded ? veil(store, guarded) : store;
      },
      async *repositories(page) {
        const { limit, ...rest } = page ?? {};
        let left = limit ?? Number.POSITIVE_INFINITY;
        if (left <= 0) return;
        for await (const name of registry.repositories(rest)) {
          const guarded = guardedAt(name);
          if (guarded && !(await guarded.anything(await registry.repository(name)))) continue;
          yield name;
          left -= 1;
          if (left <= 0) return;
        }
      },
    },
    async [Symbol.asyncDispose]() {
      ended = true;
      await working;
    },
  };
}
