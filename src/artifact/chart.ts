import { collect } from "../bytes/collect.ts";
import { isOciError } from "../error/oci-error.ts";
import { Annotation } from "../spec/annotation.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { isJsonObject, parseJson } from "../spec/json.ts";
import { Limits } from "../spec/limits.ts";
import type { Manifest } from "../spec/manifest.ts";
import type { Signal } from "../store/content.ts";
import type { Source } from "../store/store.ts";

/** What a Helm chart is called. */
export interface ChartName {
  readonly name: string;
  readonly version: string;
}

const CHART_CONFIG = "application/vnd.cncf.helm.config.v1+json";

/** What helm names a chart's layers, which have no titles, when it pulls them. */
const ENDINGS: ReadonlyMap<string, string> = new Map([
  ["application/vnd.cncf.helm.chart.content.v1.tar+gzip", ".tgz"],
  ["application/vnd.cncf.helm.chart.provenance.v1.prov", ".tgz.prov"],
]);

/**
 * Finds what a Helm chart is called, where its layers do not say it: by the
 * manifest's annotations, which older helms did not write, else by its config.
 * Undefined for anything that is no chart, and where the name or the version
 * is nothing that a file is named with.
 * @throws OciError what the source throws
 */
export async function readChartName(
  source: Pick<Source, "fetch">,
  manifest: Manifest,
  options: Signal = {},
): Promise<ChartName | undefined> {
  if (manifest.form !== "image" || manifest.config.mediaType !== CHART_CONFIG) return undefined;
  if (manifest.layers.every((layer) => layer.annotations?.[Annotation.Title] !== undefined)) return undefined;
  const annotations = manifest.annotations ?? {};
  const annotated = plainName(annotations[Annotation.Title], annotations[Annotation.Version]);
  if (annotated !== undefined) return annotated;
  const bytes = await collect(source.fetch(manifest.config, { kind: "blob", ...options }), Limits.config, "config");
  try {
    const config = parseJson(bytes, "chart config");
    return isJsonObject(config) ? plainName(config["name"], config["version"]) : undefined;
  } catch (error) {
    // A name is all that is lost: the layers are as good without it.
    if (isOciError(error, "MANIFEST_INVALID")) return undefined;
    throw error;
  }
}

/** The title of a layer of a chart, as helm would name it; undefined for any other layer. */
export function chartTitle({ mediaType }: Descriptor, chart: ChartName | undefined): string | undefined {
  const ending = ENDINGS.get(mediaType);
  return chart === undefined || ending === undefined ? undefined : `${chart.name}-${chart.version}${ending}`;
}

function plainName(name: unknown, version: unknown): ChartName | undefined {
  return isPlain(name) && isPlain(version) ? { name, version } : undefined;
}

/** Chart names and versions (SemVer) are made of these. */
function isPlain(text: unknown): text is string {
  return typeof text === "string" && /^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$/.test(text);
}
