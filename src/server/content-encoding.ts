import { OciError } from "../error/oci-error.ts";
import { header, type ServerRequest, type ServerResponse } from "./message.ts";
import { renderError } from "./render-error.ts";

/** Content that was encoded for the way would be stored encoded: its digest is of something else. */
export function refuseEncoding(request: ServerRequest): ServerResponse | undefined {
  const encoding = header(request, "content-encoding");
  if (encoding === undefined || encoding.trim().toLowerCase() === "identity") return undefined;
  const error = new OciError("UNSUPPORTED", `Content-Encoding ${JSON.stringify(encoding.slice(0, 40))} is not taken`);
  return renderError(error, { status: 415, headers: { "accept-encoding": "identity" } });
}
