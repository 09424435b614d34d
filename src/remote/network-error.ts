import { OciError } from "../error/oci-error.ts";

const CERTIFICATE =
  /^(?:CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)/;
/** Failures that the next try would meet again. */
const LASTING = /^(?:ENOTFOUND|ERR_SSL_|ERR_TLS_|EPROTO|HPE_)/;

/** Failures of the connection after which the same request may well succeed. */
const passing = new WeakSet<Error>();

export interface NetworkErrorOptions {
  /** The host has never answered: a refused connection is taken for its last word. */
  readonly strange?: boolean;
}

/** Whether an error of {@link networkError} is worth another try. */
export function isPassing(error: unknown): boolean {
  return error instanceof Error && passing.has(error);
}

/** Whether the other side closed the connection in place of an answer. */
export function isHangUp(error: unknown): boolean {
  return /^(?:ECONNRESET|EPIPE)$/.test(codeOf(error));
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  if ("code" in error && typeof error.code === "string") return error.code;
  // Several addresses were tried: all failures in one.
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  return error.cause === undefined ? "" : codeOf(error.cause);
}

/**
 * Turns a failure of the connection into an OciError; an abort's reason and OciErrors pass through.
 * @param what method and URL without its query, which may hold a secret
 */
export function networkError(
  error: unknown,
  what: string,
  signal: AbortSignal | undefined,
  options: NetworkErrorOptions = {},
): unknown {
  if (signal?.aborted) return signal.reason;
  if (error instanceof OciError) return error;
  const code = codeOf(error);
  const reason = error instanceof Error && error.message !== "" ? error.message : code || "the connection failed";
  if (CERTIFICATE.test(code)) {
    return new OciError("NETWORK", `The TLS certificate of ${hostOf(what)} is not trusted: ${reason}`, {
      cause: error,
      hint: "Trust its authority with --ca-file, or accept any certificate with --insecure",
    });
  }
  if (
    /^ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/.test(code) ||
    /:(?:wrong version number|packet length too long):/.test(reason)
  ) {
    return new OciError("NETWORK", `${hostOf(what)} does not speak TLS`, {
      cause: error,
      hint: "A registry without TLS needs --plain-http",
    });
  }
  if (code === "ENOTFOUND") return new OciError("NETWORK", `No such host: ${hostOf(what)}`, { cause: error });
  if (code.startsWith("HPE_")) {
    return new OciError("PROTOCOL", `${hostOf(what)} does not answer in valid HTTP: ${reason}`, { cause: error });
  }
  const failure = new OciError("NETWORK", `${what} failed: ${reason}`, { cause: error });
  const refused = options.strange === true && code === "ECONNREFUSED";
  if (!refused && !LASTING.test(code)) passing.add(failure);
  return failure;
}

function hostOf(what: string): string {
  return /https?:\/\/([^/]+)/.exec(what)?.[1] ?? what;
}
