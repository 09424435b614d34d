import type { TransferEvent } from "../transfer/event.ts";
import type { ProgressEvent } from "./context.ts";
import { escapeLine } from "./escape.ts";
import { formatBytes } from "./format.ts";
import type { Sink } from "./output.ts";
import { Rate } from "./rate.ts";

/** Draws what happens, on stderr. */
export interface Progress {
  readonly onEvent: (event: ProgressEvent) => void;
  /** Takes the progress line away, so that something else can be written; the next event draws it again. */
  clear(): void;
}

export function createProgress(mode: "tty" | "json", sink: Sink): Progress {
  return mode === "json" ? jsonLines(sink) : new ProgressLine(sink);
}

const TRANSFER_TYPES: ReadonlySet<string> = new Set<TransferEvent["type"]>([
  "planned",
  "plan-complete",
  "progress",
  "done",
  "named",
]);

/** The events of a transfer are the only ones whose types are these. */
function isTransferEvent(event: ProgressEvent): event is TransferEvent {
  return TRANSFER_TYPES.has(event.type);
}

type WorkEvent =
  /** So many bytes of layers so far. */
  | { readonly type: "layers"; readonly bytes: number }
  /** One more blob of this size. */
  | { readonly type: "checked"; readonly size: number };

function isWorkEvent(event: ProgressEvent): event is WorkEvent {
  return event.type === "layers" || event.type === "checked";
}

/** Milliseconds between two lines about the same content, or two drawings of the line. */
const INTERVAL = 100;

/** One flat JSON document a line: what a program wants to read of an event. */
function flatten(event: ProgressEvent, sums: Map<string, number>): unknown {
  if (!isTransferEvent(event)) return event;
  switch (event.type) {
    case "planned": {
      const { step } = event;
      if (step.type !== "content") return { type: "planned", step: step.type };
      const { action, kind, role, why, descriptor } = step;
      return {
        type: "planned",
        step: step.type,
        action,
        kind,
        role,
        why,
        digest: descriptor.digest,
        size: descriptor.size,
      };
    }
    case "progress": {
      const { digest, size } = event.descriptor;
      return { type: "progress", digest, bytes: sums.get(digest) ?? 0, size };
    }
    case "done": {
      const { action, kind, descriptor } = event;
      return { type: "done", action, kind, digest: descriptor.digest, size: descriptor.size };
    }
    case "named":
      return { type: "named", tags: event.step.changes.map((change) => change.tag), unchanged: event.step.unchanged };
    case "plan-complete":
      return event;
  }
}

function jsonLines(sink: Sink): Progress {
  const sums = new Map<string, number>();
  const written = new Map<string, number>();
  return {
    onEvent: (event) => {
      if (isTransferEvent(event) && event.type === "progress") {
        const { digest } = event.descriptor;
        sums.set(digest, (sums.get(digest) ?? 0) + event.bytes);
        const now = Date.now();
        if (now - (written.get(digest) ?? 0) < INTERVAL) return;
        written.set(digest, now);
      }
      sink.write(`${JSON.stringify(flatten(event, sums))}\n`, () => undefined);
      if (isTransferEvent(event) && event.type === "done") {
        sums.delete(event.descriptor.digest);
        written.delete(event.descriptor.digest);
      }
    },
    clear: () => undefined,
  };
}

/** One line on a terminal: what is done, what is left, how fast. */
class ProgressLine implements Progress {
  readonly #sink: Sink;
  readonly #rate = new Rate();
  readonly onEvent: (event: ProgressEvent) => void;
  #planned = 0;
  #done = 0;
  #totalBytes = 0;
  #bytes = 0;
  #final = false;
  #shown = false;
  #drawnAt = 0;
  #worked = 0;
  #workVerb = "";

  constructor(sink: Sink) {
    this.#sink = sink;
    this.onEvent = (event) => {
      if (isTransferEvent(event)) this.#count(event);
      else if (isWorkEvent(event)) this.#work(event);
      else return;
      if (Date.now() - this.#drawnAt >= INTERVAL) this.#draw();
    };
  }

  /** Work whose end is not known before: layers being packed, blobs being checked. */
  #work(event: WorkEvent): void {
    // Work that is over at once needs no line.
    if (this.#worked === 0) this.#drawnAt = Date.now();
    const more = event.type === "layers" ? event.bytes - this.#worked : event.size;
    this.#worked += more;
    this.#workVerb = event.type === "layers" ? "packed" : "checked";
    this.#rate.add(more, Date.now());
  }

  #count(event: TransferEvent): void {
    if (event.type === "planned" && event.step.type === "content" && event.step.action !== "skip") {
      this.#planned += 1;
      this.#totalBytes += event.step.descriptor.size;
    } else if (event.type === "plan-complete") {
      this.#final = true;
    } else if (event.type === "progress") {
      this.#bytes += event.bytes;
      this.#rate.add(event.bytes, Date.now());
    } else if (event.type === "done" && event.action !== "skip") {
      this.#done += 1;
      // What was mounted or linked is there at once.
      if (event.action !== "push") this.#bytes += event.descriptor.size;
    }
  }

  #draw(): void {
    this.#drawnAt = Date.now();
    const perSecond = this.#rate.perSecond(this.#drawnAt);
    if (this.#planned === 0) {
      if (this.#worked > 0)
        this.#show([`${formatBytes(this.#worked)} ${this.#workVerb}`, `${formatBytes(perSecond)}/s`]);
      return;
    }
    const left = Math.max(0, this.#totalBytes - this.#bytes);
    const more = this.#final ? "" : "+";
    const parts = [
      `${this.#done}/${this.#planned}${more}`,
      `${formatBytes(this.#bytes)} of ${formatBytes(this.#totalBytes)}${more}`,
      ...(perSecond > 0 ? [`${formatBytes(perSecond)}/s`] : []),
      ...(perSecond > 0 && this.#final ? [`${formatSeconds(left / perSecond)} left`] : []),
    ];
    this.#show(parts);
  }

  #show(parts: readonly string[]): void {
    // Some terminals say 0 for a width that they do not know.
    const width = Math.max(10, (this.#sink.columns || 80) - 1);
    this.#shown = true;
    this.#sink.write(`\r\u001b[2K${escapeLine(parts.join("  ")).slice(0, width)}`, () => undefined);
  }

  clear(): void {
    if (!this.#shown) return;
    this.#shown = false;
    this.#sink.write("\r\u001b[2K", () => undefined);
  }
}

function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
