/** What proves who we are. */
export type Credential =
  | { readonly type: "basic"; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token, exchanged at the token endpoint. */
  | { readonly type: "identity"; readonly username?: string; readonly token: string }
  /** Sent to the registry as it is. */
  | { readonly type: "bearer"; readonly token: string };

/** What credentials are wanted for: the canonical host, and the repository when it is about one. */
export interface CredentialTarget {
  readonly host: string;
  readonly repository?: string;
}

/** Finds the credentials of a repository; undefined: none, go on without. */
export type CredentialSource = (
  target: CredentialTarget,
  options?: { signal?: AbortSignal },
) => Promise<Credential | undefined>;

/** The same credentials for one host and nothing for any other. */
export function staticCredentials(host: string, credential: Credential): CredentialSource {
  return async (target) => (target.host === host ? credential : undefined);
}

/** The first source that knows. */
export function firstCredentials(sources: readonly CredentialSource[]): CredentialSource {
  return async (target, options) => {
    for (const source of sources) {
      const found = await source(target, options);
      if (found) return found;
    }
    return undefined;
  };
}

/** RFC 7617, in UTF-8. */
export function basicHeader(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`;
}
