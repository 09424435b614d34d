import type { ProgressEvent } from "./context.ts";
import type { Sink } from "./output.ts";

/** Draws what happens, on stderr. */
export interface Progress {
  readonly onEvent: (event: ProgressEvent) => void;
  /** Takes the progress line away, so that something else can be written; the next event draws it again. */
  clear(): void;
}

const silent: Progress = { onEvent: () => undefined, clear: () => undefined };

/** One JSON document per line for each event, as it comes. */
function lines(sink: Sink): Progress {
  return {
    onEvent: (event) => {
      sink.write(`${JSON.stringify(event)}\n`, () => undefined);
    },
    clear: () => undefined,
  };
}

export function createProgress(mode: "tty" | "json" | "none", sink: Sink): Progress {
  return mode === "json" ? lines(sink) : silent;
}
