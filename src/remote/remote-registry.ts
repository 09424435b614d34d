import { isRepositoryName, parseRepositoryName } from "../spec/name.ts";
import type { Page } from "../store/names.ts";
import type { Registry, Store } from "../store/store.ts";
import type { Host } from "./host.ts";
import { namePages } from "./listing.ts";
import { RemoteStore, type RemoteStoreOptions } from "./remote-store.ts";
import { RepositoryApi, withAnswer } from "./repository-api.ts";
import { catalogScope } from "./scope.ts";
import { ascii } from "./tags.ts";

/** A registry host. */
export class RemoteRegistry implements Registry {
  readonly #host: Host;
  readonly #options: RemoteStoreOptions;

  constructor(host: Host, options: RemoteStoreOptions) {
    this.#host = host;
    this.#options = options;
  }

  async repository(name: string): Promise<Store> {
    const { dispose: _, ...options } = this.#options;
    return new RemoteStore(this.#host, parseRepositoryName(name), options);
  }

  async has(name: string): Promise<boolean> {
    const api = new RepositoryApi(this.#host, parseRepositoryName(name));
    return await withAnswer(api.send({ method: "GET", url: api.path("tags/list?n=1") }), async (answer) => {
      if (answer.status === 200) return true;
      if (answer.status === 404) return false;
      throw await api.error(answer, "Looking up the repository", "NAME_UNKNOWN");
    });
  }

  /** Through `_catalog`, which is no part of the specification: many registries refuse it. */
  async *repositories(options: Page & { readonly prefix?: string } = {}): AsyncGenerator<string, void, undefined> {
    const { after, limit = Number.POSITIVE_INFINITY, prefix = "", signal } = options;
    if (limit <= 0) return;
    let left = limit;
    for await (const page of this.#catalog(after, signal)) {
      for (const name of page.toSorted(ascii)) {
        if (!isRepositoryName(name) || !name.startsWith(prefix) || (after !== undefined && name <= after)) continue;
        yield name;
        left -= 1;
        if (left <= 0) return;
      }
    }
  }

  /** Nothing after a name is asked again from the start: zot knows nothing after a repository that is not there. */
  async *#catalog(
    after: string | undefined,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<readonly string[], void, undefined> {
    if (after !== undefined) {
      let any = false;
      for await (const page of this.#catalogPages({ n: "1000", last: after }, signal)) {
        any ||= page.length > 0;
        yield page;
      }
      if (any) return;
    }
    yield* this.#catalogPages({ n: "1000" }, signal);
  }

  #catalogPages(
    query: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<readonly string[], void, undefined> {
    return namePages({
      host: this.#host,
      first: `/v2/_catalog?${new URLSearchParams(query).toString()}`,
      field: "repositories",
      operation: "Listing the repositories",
      request: { scopes: [catalogScope] },
      missing: "UNSUPPORTED",
      ...(signal ? { signal } : {}),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#options.dispose?.();
  }
}
