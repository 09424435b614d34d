/** `repository:<name>:<actions>` or `registry:catalog:*` (Docker token specification). */
export type Scope = string;

export function pullScope(repository: string): Scope {
  return `repository:${repository}:pull`;
}

export function pushScope(repository: string): Scope {
  return `repository:${repository}:pull,push`;
}

export function deleteScope(repository: string): Scope {
  return `repository:${repository}:delete,pull,push`;
}

export const catalogScope: Scope = "registry:catalog:*";

/** Sorted, each once: the key of a token. */
export function scopeKey(scopes: readonly Scope[]): string {
  return [...new Set(scopes)].toSorted().join(" ");
}

/** A challenge's own scopes with ours; where both speak of one resource, the actions are joined. */
export function joinScopes(ours: readonly Scope[], theirs: string | undefined): Scope[] {
  const actions = new Map<string, Set<string>>();
  for (const scope of [...ours, ...(theirs ?? "").split(" ")]) {
    const colon = scope.lastIndexOf(":");
    if (colon <= 0) continue;
    const resource = scope.slice(0, colon);
    const known = actions.get(resource) ?? new Set<string>();
    for (const action of scope.slice(colon + 1).split(",")) known.add(action);
    actions.set(resource, known);
  }
  return [...actions].map(([resource, set]) => `${resource}:${[...set].toSorted().join(",")}`);
}
