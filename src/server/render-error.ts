import type { ErrorCode } from "../error/code.ts";
import { isOciError, OciError } from "../error/oci-error.ts";
import { encodeJson } from "../spec/json.ts";
import type { ServerResponse } from "./message.ts";

export interface RenderOptions {
  /** Beside what the error itself brings. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of the error's own, where HTTP has a finer word for it. */
  readonly status?: number;
}

/** Stores name their place in messages; a stranger need not learn the server's paths. */
const PUBLIC: Readonly<Partial<Record<ErrorCode, string>>> = {
  BLOB_UNKNOWN: "No such blob in this repository",
  MANIFEST_UNKNOWN: "No such manifest or tag in this repository",
  BLOB_UPLOAD_UNKNOWN: "No such upload in this repository",
  NO_SPACE: "There is no space left for this",
  LOCKED: "The repository is being written to, try again later",
  INTERRUPTED: "The request broke off",
};

/** What a client may read of an error. */
function publicMessage(error: OciError): string {
  const known = PUBLIC[error.code];
  if (known !== undefined) return known;
  return error.facts.http >= 500 ? "The registry failed to do this" : error.message;
}

/**
 * Renders an error as the spec's JSON (distribution-spec, "Error Codes"): the only place
 * that does. Whatever is no OciError is a 500 that says nothing of its inside.
 */
export function renderError(thrown: unknown, options: RenderOptions = {}): ServerResponse {
  const error = isOciError(thrown) ? thrown : new OciError("INTERNAL", "Unexpected error", { cause: thrown });
  const { facts, context } = error;
  const status = options.status ?? facts.http;
  const detail = context.detail ?? (context.digest === undefined ? undefined : { digest: context.digest });
  const body = encodeJson({
    errors: [{ code: facts.spec, message: publicMessage(error), ...(detail === undefined ? {} : { detail }) }],
  });
  return {
    status,
    headers: {
      "content-type": "application/json",
      "content-length": `${body.length}`,
      ...(status === 429 || status === 503 ? { "retry-after": "1" } : {}),
      ...options.headers,
    },
    body,
    error: thrown,
  };
}
