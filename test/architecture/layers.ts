import { posix } from "node:path";

/** The layers from the bottom up; CONTRIBUTING.md shows the same table to people. */
export const LAYERS: readonly (readonly string[])[] = [
  ["spec", "error"],
  ["bytes", "tar", "disk"],
  ["store"],
  ["blobs", "names"],
  ["memory", "layout", "archive", "depot", "remote"],
  ["graph", "transfer"],
  ["content", "artifact", "image", "sign", "policy", "lifecycle", "sbom", "scan", "sync", "bot", "server"],
  ["open"],
  ["cli"],
];

const MEDIA = 4;
const CLI = 8;

/** Which lower layers a layer sees. The work on graphs and the features are handed their stores. */
const VISIBLE: readonly (readonly number[])[] = [
  [],
  [0],
  [0, 1],
  [0, 1, 2],
  [0, 1, 2, 3],
  [0, 1, 2],
  [0, 1, 2, 5],
  [0, 1, 2, 3, 4],
  [0, 1, 2, 5, 6, 7],
];

/** Folders of one layer that may see each other. */
const SIBLINGS: readonly (readonly [from: string, to: string])[] = [
  ["spec", "error"],
  ["error", "spec"],
  ["tar", "bytes"],
  ["disk", "bytes"],
  ["transfer", "graph"],
  ["policy", "sign"],
];

/** Commands that are about one medium: they may name it. */
const MEDIUM_COMMANDS: readonly { readonly file: RegExp; readonly media: readonly string[] }[] = [
  { file: /^cli\/commands\/serve\.ts$/, media: ["layout", "memory", "depot"] },
  { file: /^cli\/commands\/layout\//, media: ["layout"] },
  { file: /^cli\/commands\/depot\//, media: ["depot"] },
];

/** Each is a way of its own to be a port; none knows another. A file's name begins with its technology. */
const TECHNOLOGIES = ["memory", "directory", "tar", "s3", "index-json", "sql"] as const;

/** `helper` alone is a term of the field (credential helpers); the plural never names one thing. */
const JUNK_DRAWER = /(?:^|[/.-])(?:utils?|helpers|common|misc)(?:[/.-]|$)/;
const RELATIVE = /\b(?:from|import)\s*\(?\s*"(\.[^"]+)"/g;
const COMPUTED = /\bimport\(\s*[^"\s]/;
const OWN_PACKAGE = /\b(?:from|import)\s*\(?\s*"berth(?:\/[^"]*)?"/;
/** `process.versions` is a constant of the runtime; everything else of these is the surroundings. */
const SURROUNDINGS =
  /(?<![\w.$"'`/-])(?:globalThis\.)?(process|console)(?:\?\.|\.(?!versions\b)|\[)["\w]|"(?:node:)?(process|console)"/;

/** The source without lines that are nothing but comment. */
function code(source: string): string {
  return source
    .split("\n")
    .filter((line) => !/^\s*(?:\/\/|\/?\*)/.test(line))
    .join("\n");
}

/** The files of src/ that a file imports or re-exports, types and dynamic imports included. */
export function importsOf(file: string, source: string): readonly string[] {
  return [...code(source).matchAll(RELATIVE)].map((match) => posix.join(posix.dirname(file), match[1] ?? ""));
}

function folderOf(file: string): string | undefined {
  const [folder, rest] = file.split("/");
  return rest === undefined ? undefined : folder;
}

function layerOf(folder: string): number {
  return LAYERS.findIndex((layer) => layer.includes(folder));
}

function technologyOf(file: string): string | undefined {
  const name = file.split("/")[1] ?? "";
  return TECHNOLOGIES.find(
    (technology) => name === `${technology}.ts` || name === technology || name.startsWith(`${technology}-`),
  );
}

function isAllowed(file: string, from: string, to: string): boolean {
  if (from === to) return true;
  if (SIBLINGS.some((pair) => pair[0] === from && pair[1] === to)) return true;
  const [upper, lower] = [layerOf(from), layerOf(to)];
  if (VISIBLE[upper]?.includes(lower)) return true;
  return lower === MEDIA && MEDIUM_COMMANDS.some((rule) => rule.file.test(file) && rule.media.includes(to));
}

function edgeFinding(file: string, imported: string): string | undefined {
  const [from, to] = [folderOf(file), folderOf(imported)];
  // Entry files at the root of src/ stand above all layers.
  if (from === undefined) return undefined;
  if (to === undefined || imported.endsWith("/index.ts")) return `${file} imports the entry file ${imported}`;
  if (layerOf(to) === -1) return `${file} imports ${imported}, whose folder has no layer`;
  if (!isAllowed(file, from, to))
    return `${file} (layer ${layerOf(from)}) must not import ${imported} (layer ${layerOf(to)})`;
  if (layerOf(from) === 3 && from === to) {
    const [own, other] = [technologyOf(file), technologyOf(imported)];
    if (other !== undefined && own !== other) return `${file} must not import another technology, ${imported}`;
  }
  return undefined;
}

function fileFindings(file: string, source: string, files: ReadonlyMap<string, string>): string[] {
  const findings: string[] = [];
  const folder = folderOf(file);
  const text = code(source);
  if (folder !== undefined && layerOf(folder) === -1) findings.push(`${file}: the folder ${folder} has no layer`);
  if (JUNK_DRAWER.test(file)) findings.push(`${file}: name the thing, not the drawer`);
  if (COMPUTED.test(text)) findings.push(`${file}: an import has to be a literal`);
  if (OWN_PACKAGE.test(text)) findings.push(`${file}: imports the package by its name; use a path`);
  const surroundings = SURROUNDINGS.exec(text);
  if (surroundings && (folder === undefined || layerOf(folder) !== CLI)) {
    findings.push(`${file}: ${surroundings[1] ?? surroundings[2]} belongs to cli/`);
  }
  for (const imported of importsOf(file, source)) {
    const finding = files.has(imported)
      ? edgeFinding(file, imported)
      : `${file} imports ${imported}, which is not there`;
    if (finding !== undefined) findings.push(finding);
  }
  return findings;
}

/** Files that import each other, as one path per cycle found. */
function cycles(files: ReadonlyMap<string, string>): string[] {
  const done = new Set<string>();
  const path: string[] = [];
  const found: string[] = [];
  const visit = (file: string): void => {
    const at = path.indexOf(file);
    if (at !== -1) found.push(`Cycle: ${[...path.slice(at), file].join(" → ")}`);
    const source = files.get(file);
    if (at !== -1 || done.has(file) || source === undefined) return;
    path.push(file);
    for (const imported of importsOf(file, source)) visit(imported);
    path.pop();
    done.add(file);
  };
  for (const file of files.keys()) visit(file);
  return found;
}

/** Everything in a source tree (paths relative to src/) that breaks the layers; empty when it is sound. */
export function findViolations(files: ReadonlyMap<string, string>): string[] {
  return [...[...files].flatMap(([file, source]) => fileFindings(file, source, files)), ...cycles(files)];
}
