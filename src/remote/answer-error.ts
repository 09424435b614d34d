import { collect } from "../bytes/collect.ts";
import type { ErrorCode } from "../error/code.ts";
import { OciError, type OciErrorOptions } from "../error/oci-error.ts";
import { isJsonObject } from "../spec/json.ts";
import { Limits } from "../spec/limits.ts";
import type { WireAnswer } from "./wire.ts";

/** Codes of an error body that are taken over; others only follow from the status. */
const SPEC_CODES = new Set<string>([
  "BLOB_UNKNOWN",
  "BLOB_UPLOAD_INVALID",
  "BLOB_UPLOAD_UNKNOWN",
  "DIGEST_INVALID",
  "MANIFEST_BLOB_UNKNOWN",
  "MANIFEST_INVALID",
  "MANIFEST_UNKNOWN",
  "NAME_INVALID",
  "NAME_UNKNOWN",
  "SIZE_INVALID",
  "TAG_INVALID",
  "UNAUTHORIZED",
  "DENIED",
  "UNSUPPORTED",
  "TOOMANYREQUESTS",
  "RANGE_INVALID",
] satisfies ErrorCode[]);

/** What a registry said in its error body. */
interface Complaint {
  readonly code: string | undefined;
  readonly text: string | undefined;
}

/** Text of a stranger: one line, no control or direction characters, short. */
export function printable(text: string): string {
  const clean = text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ").trim();
  return clean.length > 300 ? `${clean.slice(0, 300)}…` : clean;
}

async function readComplaint(answer: WireAnswer): Promise<Complaint> {
  const none: Complaint = { code: undefined, text: undefined };
  try {
    const bytes = await collect(answer.bytes(), Limits.errorBody, "error body");
    const document: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    const errors = isJsonObject(document) ? document["errors"] : undefined;
    const first = Array.isArray(errors) ? errors.find(isJsonObject) : undefined;
    if (!first) return none;
    const { code, message } = first;
    return {
      code: typeof code === "string" ? code : undefined,
      text: typeof message === "string" && message !== "" ? printable(message) : undefined,
    };
  } catch {
    // An HTML page, too much, or a broken connection: the status says enough.
    return none;
  }
}

export interface StatusContext {
  /** What was tried: "Pushing the manifest". */
  readonly operation: string;
  readonly url: URL;
  /** The code of a 404 that does not say what is missing. */
  readonly missing: ErrorCode;
  readonly reference?: string;
  readonly digest?: string;
}

function codeOf(status: number, complaint: Complaint, missing: ErrorCode): ErrorCode {
  if (status === 401) return "UNAUTHORIZED";
  if (status === 403) return "DENIED";
  if (status === 405 || status === 501) return "UNSUPPORTED";
  if (status === 412 || status === 409) return "CONFLICT";
  if (status === 416) return "RANGE_INVALID";
  if (status === 429) return "TOOMANYREQUESTS";
  if (status === 507) return "NO_SPACE";
  if (status >= 500) return "NETWORK";
  const { code } = complaint;
  if (code !== undefined && SPEC_CODES.has(code)) return code as ErrorCode;
  if (status === 404) return missing;
  if (status === 413) return "LIMIT_EXCEEDED";
  return "PROTOCOL";
}

const FULL_HINT =
  "Free some space on the registry's disk and run the same command again; what is there already is not sent again";

/** Turns an answer with a failing status into the error to throw; reads a bounded part of its body. */
export async function statusError(answer: WireAnswer, context: StatusContext): Promise<OciError> {
  const complaint = await readComplaint(answer);
  const { operation, url, missing, ...rest } = context;
  const code = codeOf(answer.status, complaint, missing);
  const said = complaint.text ?? complaint.code;
  const tail = `failed with status ${answer.status}${said === undefined ? "" : `: ${printable(said)}`}`;
  const full = code === "NO_SPACE";
  const message = full ? `${url.host} has no space left: ${operation} ${tail}` : `${operation} at ${url.host} ${tail}`;
  const options: OciErrorOptions = { operation, status: answer.status, ...rest, ...(full ? { hint: FULL_HINT } : {}) };
  return new OciError(code, message.replace(/[.\s]+$/, ""), options);
}
