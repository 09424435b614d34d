import { OciError } from "../error/oci-error.ts";

/** What somebody wants to do; "ping" and "catalog" speak of the registry, their repository is empty. */
export interface Access {
  readonly action: "ping" | "catalog" | "pull" | "push" | "delete";
  readonly repository: string;
  /** The tag that is read, written or deleted. */
  readonly tag?: string;
  /** Of a push to a tag: whether the tag is there already. */
  readonly exists?: boolean;
}

/** `hide` answers as if the repository were not there. */
export type Verdict = "allow" | "deny" | "hide";

/** The one decision that every route goes through; `who` is undefined for the anonymous. */
export type Authorize = (who: string | undefined, access: Access) => Verdict | Promise<Verdict>;

export function allowAll(): Verdict {
  return "allow";
}

/** Error of a refused access: 404 for what is hidden, 401 where logging in could help, else 403. */
export function refusal(verdict: Exclude<Verdict, "allow">, who: string | undefined, access: Access): OciError {
  if (verdict === "hide") return unknownRepository(access.repository);
  return who === undefined
    ? new OciError("UNAUTHORIZED", `Authentication is required to ${access.action} here`)
    : new OciError("DENIED", `Not allowed to ${access.action} here`);
}

export function unknownRepository(name: string): OciError {
  return new OciError("NAME_UNKNOWN", `No repository ${JSON.stringify(name)} here`, { detail: { name } });
}
