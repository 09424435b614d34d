import { OciError } from "../error/oci-error.ts";
import type { TimeRule } from "../image/time-rule.ts";
import { parseTime } from "../image/time.ts";

function wrong(written: string, problem: string): OciError {
  return new OciError("USAGE", `Invalid rule for times ${JSON.stringify(written)}: ${problem}`, {
    hint: "For example: 2026-01-31, set=2026-01-31T12:00:00Z,after=2026-01-01, from-label=org.opencontainers.image.created",
  });
}

/**
 * Reads a rule for times: a time alone, or `set=`, `from-label=`, `after=`, `base-layers=`, `base-ref=` with commas between.
 * @param countLayers how many layers an image has
 * @throws OciError USAGE
 */
export async function readRule(written: string, countLayers: (base: string) => Promise<number>): Promise<TimeRule> {
  if (!written.includes("=")) return { set: parseTime(written) };
  const pairs = new Map<string, string>();
  for (const part of written.split(",")) {
    const equals = part.indexOf("=");
    const key = part.slice(0, Math.max(0, equals));
    if (!/^(?:set|from-label|after|base-layers|base-ref)$/.test(key)) {
      throw wrong(written, `expected set, from-label, after, base-layers or base-ref, got ${JSON.stringify(part)}`);
    }
    pairs.set(key, part.slice(equals + 1));
  }
  const [set, label, after] = [pairs.get("set"), pairs.get("from-label"), pairs.get("after")];
  if ((set === undefined) === (label === undefined)) throw wrong(written, "expected one of set and from-label");
  const layers = pairs.get("base-layers") ?? "0";
  if (!/^\d{1,4}$/.test(layers)) throw wrong(written, "base-layers must be a number");
  const base = pairs.get("base-ref");
  return {
    ...(set === undefined ? {} : { set: parseTime(set) }),
    ...(label === undefined ? {} : { label }),
    ...(after === undefined ? {} : { after: parseTime(after) }),
    baseLayers: base === undefined ? Number(layers) : await countLayers(base),
  };
}
