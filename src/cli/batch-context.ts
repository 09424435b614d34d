import type { Context } from "./context.ts";
import { shareConnections } from "./connection.ts";
import type { Ending } from "./ending.ts";
import { OciError } from "../error/oci-error.ts";
import { Output, type Sink } from "./output.ts";

/** What one job of a batch printed. */
export interface Printed {
  /** As JSON where it is JSON. */
  value(): unknown;
}

/** Characters kept of what one job prints. */
const MOST_KEPT = 1024 * 1024;

/**
 * The world of one job among many: it shares connections, tokens and manifests with the others; what it prints is its
 * result; standard input is nobody's.
 */
export function jobContext(context: Context, name: string, ending: Ending): { context: Context; printed: Printed } {
  const chunks: Buffer[] = [];
  let kept = 0;
  const sink: Sink = {
    write: (chunk, done) => {
      const bytes = Buffer.from(chunk as Uint8Array).subarray(0, MOST_KEPT - kept);
      kept += bytes.length;
      chunks.push(bytes);
      done();
      return true;
    },
  };
  const own: Context = {
    ...context,
    out: new Output(sink, { json: true, color: false, shared: true }),
    note: (text) => context.note(`${name}: ${text}`),
    warn: (text) => context.warn(`${name}: ${text}`),
    afterwards: (work) => ending.add(work),
    stdin: () => {
      throw new OciError("USAGE", "Standard input belongs to none of many jobs");
    },
    onHangup: () => undefined,
  };
  shareConnections(context, own);
  return {
    context: own,
    printed: {
      value: () => {
        const text = Buffer.concat(chunks).toString("utf8");
        try {
          return JSON.parse(text) as unknown;
        } catch {
          return text === "" ? undefined : text;
        }
      },
    },
  };
}
