import type { DiscoveredNode } from "../artifact/discover.ts";
import { formatPlatform } from "../spec/platform.ts";
import type { Environment } from "./context.ts";
import { formatBytes } from "./format.ts";
import { style } from "./style.ts";

const UNICODE = { fork: "├── ", last: "└── ", through: "│   ", space: "    " } as const;
const ASCII = { fork: "|-- ", last: "`-- ", through: "|   ", space: "    " } as const;

/** Whether the locale's encoding is UTF-8, as setlocale(3) finds it. */
export function speaksUnicode(env: Environment): boolean {
  const locale = [env["LC_ALL"], env["LC_CTYPE"], env["LANG"]].find((value) => value !== undefined && value !== "");
  return locale !== undefined && /utf-?8/i.test(locale);
}

/** How a referrer was found, where it was not the usual way. */
function wayOf({ via, tag }: DiscoveredNode): string | undefined {
  if (via === "digest-tag") return `tag ${tag ?? "of its digest"}`;
  return via === "fallback-tag" ? "fallback tag" : undefined;
}

function nameOf(node: DiscoveredNode): string {
  if (node.via !== undefined) return node.artifactType ?? node.descriptor.mediaType;
  // BuildKit lists its attestations under this platform, which says nothing.
  const known = node.platform !== undefined && node.platform.os !== "unknown" && node.platform.os !== "";
  if (known && node.platform) return formatPlatform(node.platform);
  return node.annotations?.["vnd.docker.reference.type"] ?? node.artifactType ?? node.descriptor.mediaType;
}

function lineOf(node: DiscoveredNode): string {
  const notes = [
    ...(node.created === undefined ? [] : [node.created]),
    ...[wayOf(node)].filter((way) => way !== undefined),
    ...(node.missing ? ["not here"] : []),
    ...(node.repeated ? ["shown elsewhere"] : []),
  ];
  const name = node.via === undefined ? style.cyan(nameOf(node)) : style.bold(nameOf(node));
  return [
    name,
    node.descriptor.digest,
    formatBytes(node.descriptor.size),
    ...notes.map((note) => style.dim(note)),
  ].join("  ");
}

/**
 * Draws what was discovered: an index's children first, then what hangs on a
 * node. Without recursion, since a chain of referrers may be long.
 */
export function drawTree(root: DiscoveredNode, reference: string, unicode: boolean): readonly string[] {
  const marks = unicode ? UNICODE : ASCII;
  const lines = [`${style.bold(reference)}  ${lineOf(root)}`];
  const below = (node: DiscoveredNode): readonly DiscoveredNode[] => [...node.children, ...node.referrers];
  const waiting: { node: DiscoveredNode; prefix: string; last: boolean }[] = [];
  const push = (node: DiscoveredNode, prefix: string): void => {
    const all = below(node);
    for (const [at, child] of [...all.entries()].toReversed()) {
      waiting.push({ node: child, prefix, last: at === all.length - 1 });
    }
  };
  push(root, "");
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    lines.push(`${next.prefix}${next.last ? marks.last : marks.fork}${lineOf(next.node)}`);
    push(next.node, next.prefix + (next.last ? marks.space : marks.through));
  }
  return lines;
}
