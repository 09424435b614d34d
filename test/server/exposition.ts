import assert from "node:assert/strict";

/** One scrape, read as strictly as the text format 0.0.4 of Prometheus is written down. */
export interface Scrape {
  readonly text: string;
  readonly families: ReadonlyMap<string, { readonly type: string; readonly help: string }>;
  /** The value of a series, 0 where there is none. */
  value(name: string, labels?: Readonly<Record<string, string>>): number;
  /** The labels of all series of a name. */
  series(name: string): readonly Readonly<Record<string, string>>[];
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const COMMENT = new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`);
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`);
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;
const SUFFIX = /_(?:bucket|sum|count)$/;

function labelsOf(text: string): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const at = LABEL.lastIndex;
    const [, name = "", value = ""] = LABEL.exec(text) ?? [];
    assert.notEqual(name, "", `labels at ${text.slice(at)}`);
    assert.ok(!(name in labels), `${name} twice in ${text}`);
    labels[name] = value;
  }
  return labels;
}

function keyOf(name: string, labels: Readonly<Record<string, string>>): string {
  return `${name} ${JSON.stringify(Object.entries(labels).toSorted())}`;
}

function numberOf(text: string): number {
  if (/^\+?Inf$/.test(text)) return Number.POSITIVE_INFINITY;
  if (/^nan$/i.test(text)) return Number.NaN;
  const value = Number(text);
  assert.ok(!Number.isNaN(value), `${text} is a number`);
  return value;
}

/** Fails on whatever a scraper might stumble over. */
export function parseScrape(text: string): Scrape {
  const families = new Map<string, { type: string; help: string }>();
  const values = new Map<string, number>();
  const series = new Map<string, Readonly<Record<string, string>>[]>();
  assert.ok(text.endsWith("\n"));
  let family = "";
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [, kind, about = "", rest = ""] = COMMENT.exec(line) ?? [];
    if (kind === "HELP") {
      assert.ok(!families.has(about), `${about} is one family`);
      families.set(about, { type: "", help: rest });
      family = about;
      continue;
    }
    if (kind === "TYPE") {
      assert.equal(about, family, "HELP comes before TYPE");
      assert.match(rest, /^(?:counter|gauge|histogram)$/);
      families.set(about, { type: rest, help: families.get(about)?.help ?? "" });
      continue;
    }
    const [, name = "", written = "", value = ""] = SAMPLE.exec(line) ?? [];
    assert.notEqual(name, "", `a sample: ${line}`);
    const histogram = families.get(family)?.type === "histogram";
    assert.equal(histogram ? name.replace(SUFFIX, "") : name, family, `${name} stands with its family`);
    const labels = labelsOf(written);
    assert.ok(!values.has(keyOf(name, labels)), `${line} is there once`);
    values.set(keyOf(name, labels), numberOf(value));
    series.set(name, [...(series.get(name) ?? []), labels]);
  }
  const scrape: Scrape = {
    text,
    families,
    value: (name, labels = {}) => values.get(keyOf(name, labels)) ?? 0,
    series: (name) => series.get(name) ?? [],
  };
  for (const [name, { type }] of families) if (type === "histogram") checkHistogram(name, scrape);
  return scrape;
}

function checkHistogram(name: string, { series, value }: Scrape): void {
  for (const labels of series(`${name}_count`)) {
    const own = series(`${name}_bucket`).filter((each) =>
      Object.entries(labels).every(([key, text]) => each[key] === text),
    );
    const bounds = own.map(({ le = "" }) => numberOf(le));
    assert.deepEqual(
      bounds,
      bounds.toSorted((one, two) => one - two),
    );
    assert.equal(bounds.at(-1), Number.POSITIVE_INFINITY);
    const counts = own.map((each) => value(`${name}_bucket`, each));
    assert.deepEqual(
      counts,
      counts.toSorted((one, two) => one - two),
      "buckets add up",
    );
    assert.equal(counts.at(-1), value(`${name}_count`, labels));
  }
}
