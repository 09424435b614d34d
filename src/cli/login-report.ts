import type { CredentialTarget, LoginPlace } from "../open/login.ts";

/** A registry or a part of it, as it is typed. */
export function formatLoginTarget({ host, repository }: CredentialTarget): string {
  return repository === undefined ? host : `${host}/${repository}`;
}

/** Who keeps a login. */
export function formatLoginPlace({ file, helper }: LoginPlace): string {
  return helper === undefined ? file : `docker-credential-${helper} of ${file}`;
}
