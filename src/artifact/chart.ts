import { Annotation } from "../spec/annotation.ts";
import type { Annotations, Descriptor } from "../spec/descriptor.ts";

/** What helm names a chart's layers, which have no titles, when it pulls them. */
const ENDINGS: Readonly<Record<string, string>> = {
  "application/vnd.cncf.helm.chart.content.v1.tar+gzip": ".tgz",
  "application/vnd.cncf.helm.chart.provenance.v1.prov": ".tgz.prov",
};

/**
 * The title of a Helm chart's layer: the chart's name and version, which helm
 * writes on the manifest. Undefined for any other layer, and where they are
 * missing or are no name of one file.
 */
export function chartTitle(layer: Descriptor, manifest: Annotations | undefined): string | undefined {
  const ending = Object.hasOwn(ENDINGS, layer.mediaType) ? ENDINGS[layer.mediaType] : undefined;
  const name = manifest?.[Annotation.Title];
  const version = manifest?.[Annotation.Version];
  if (ending === undefined || !isPlain(name) || !isPlain(version)) return undefined;
  return `${name}-${version}${ending}`;
}

/** Chart names and versions (SemVer) are made of these. */
function isPlain(text: string | undefined): text is string {
  return text !== undefined && /^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$/.test(text);
}
