import type { Store } from "./store.ts";

/**
 * A store with some methods replaced. It can do exactly what the inner one can, plus
 * what the overrides bring: an optional method absent inside stays absent outside.
 */
export function decorate(inner: Store, overrides: Partial<Store>): Store {
  const { parents, stage, resume, mount, listReferrers } = inner;
  const remove = inner.delete;
  return {
    location: inner.location,
    ...(inner.closure === undefined ? {} : { closure: inner.closure }),
    resolve: inner.resolve.bind(inner),
    exists: inner.exists.bind(inner),
    fetch: inner.fetch.bind(inner),
    open: inner.open.bind(inner),
    tags: inner.tags.bind(inner),
    referrers: inner.referrers.bind(inner),
    ...(parents ? { parents: parents.bind(inner) } : {}),
    push: inner.push.bind(inner),
    update: inner.update.bind(inner),
    ...(stage ? { stage: stage.bind(inner) } : {}),
    ...(resume ? { resume: resume.bind(inner) } : {}),
    ...(mount ? { mount: mount.bind(inner) } : {}),
    ...(remove ? { delete: remove.bind(inner) } : {}),
    ...(listReferrers ? { listReferrers: listReferrers.bind(inner) } : {}),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    ...overrides,
  };
}
