import { Counter, type Registry } from "prom-client";

type Verdict = "damaged" | "unreadable";

/** Work by which a server keeps its storage in order. */
export interface UpkeepMetrics {
  collected(report: { readonly removed: number; readonly freed: number }): void;
  scrubbed(): void;
  /** A blob is not what it should be. */
  finding(verdict: Verdict): void;
  failed(work: "gc" | "scrub"): void;
}

/** Counts what is collected and scrubbed. */
export function countUpkeep(registry: Registry): UpkeepMetrics {
  const registers = [registry];
  const runs = new Counter({
    name: "berth_upkeep_runs_total",
    help: "Collections of garbage and scrubs that came to their end, or failed.",
    labelNames: ["work", "result"],
    registers,
  });
  for (const work of ["gc", "scrub"]) for (const result of ["done", "failed"]) runs.inc({ work, result }, 0);
  const removed = new Counter({
    name: "berth_gc_removed_blobs_total",
    help: "Blobs and manifests that were collected.",
    registers,
  });
  const freed = new Counter({
    name: "berth_gc_freed_bytes_total",
    help: "Bytes of the disk that collections freed.",
    registers,
  });
  const findings = new Counter({
    name: "berth_scrub_findings_total",
    help: "Blobs that scrubs set aside because they are damaged, or that the disk did not give.",
    labelNames: ["verdict"],
    registers,
  });
  for (const verdict of ["damaged", "unreadable"] satisfies Verdict[]) findings.inc({ verdict }, 0);
  return {
    collected(report) {
      runs.inc({ work: "gc", result: "done" });
      removed.inc(report.removed);
      freed.inc(report.freed);
    },
    scrubbed: () => runs.inc({ work: "scrub", result: "done" }),
    finding: (verdict) => findings.inc({ verdict }),
    failed: (work) => runs.inc({ work, result: "failed" }),
  };
}
