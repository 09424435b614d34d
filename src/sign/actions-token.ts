import { collect } from "../bytes/collect.ts";
import { OciError } from "../error/oci-error.ts";
import { Limits } from "../spec/limits.ts";
import { parseSecretJson, type TokenSource } from "./identity-token.ts";
import { serviceUrl } from "./service-url.ts";

/** How a job of GitHub Actions gets a token about itself. */
export interface ActionsTokenOptions {
  /** ACTIONS_ID_TOKEN_REQUEST_URL */
  readonly url: string;
  /** ACTIONS_ID_TOKEN_REQUEST_TOKEN: a secret. */
  readonly bearer: string;
}

const AUDIENCE = "sigstore";
const TIMEOUT_MS = 20_000;

/**
 * Gets tokens from GitHub Actions, where the job has the permission `id-token: write`.
 * @throws OciError USAGE for a wrong address; the source throws NETWORK, UNAUTHORIZED, PROTOCOL
 */
export function actionsTokens({ url: written, bearer }: ActionsTokenOptions): TokenSource {
  const url = new URL(serviceUrl(written, "token service"));
  url.searchParams.set("audience", AUDIENCE);
  return async ({ signal }) => {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    let response: Response;
    try {
      response = await fetch(url, {
        headers: { accept: "application/json", authorization: `Bearer ${bearer}` },
        // The bearer is for this host alone.
        redirect: "error",
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
    } catch (cause) {
      signal?.throwIfAborted();
      throw new OciError("NETWORK", `No identity token could be had from ${url.host}`, { cause });
    }
    const body = response.body
      ? await collect(response.body, Limits.identityToken, "identity token")
      : new Uint8Array();
    if (!response.ok) {
      throw new OciError("UNAUTHORIZED", `${url.host} gave no identity token: it answered ${response.status}`, {
        hint: "The job needs the permission id-token: write",
      });
    }
    const value = parseSecretJson(body)?.["value"];
    if (typeof value === "string") return value;
    throw new OciError("PROTOCOL", `${url.host} answered without an identity token`);
  };
}
