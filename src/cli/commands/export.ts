import { fromBuffer } from "../../bytes/bytes.ts";
import { collect } from "../../bytes/collect.ts";
import { OciError } from "../../error/oci-error.ts";
import { describeOpened, nameOf, type Opened } from "../../open/opened.ts";
import type { Descriptor } from "../../spec/descriptor.ts";
import { Limits } from "../../spec/limits.ts";
import type { ArchiveLocator } from "../../spec/locator.ts";
import { DEFAULT_TAG, formatReference, parseReference } from "../../spec/reference.ts";
import type { CopyOptions } from "../../transfer/copy.ts";
import { type Command, defineCommand } from "../command.ts";
import { connection, openLocated, openParsed } from "../connection.ts";
import type { Context } from "../context.ts";
import { formatBytes, formatCount } from "../format.ts";
import { flag, required, text } from "../option.ts";
import { printPlan } from "../plan-report.ts";
import { resolveManifest } from "../resolve.ts";
import { dryRun, platform } from "../shared-options.ts";

export const command: Command = defineCommand({
  about:
    "Writes an image or artifact, with everything that hangs on it, into one tar that is an OCI layout and that docker load takes as well: a manifest.json lies beside oci-layout and blobs. Of several platforms Docker gets that of this machine; the layout has them all. The file is written anew; .tar.gz, .tgz and .tar.zst are compressed.",
  arguments: {
    source: required("SOURCE", "what to export"),
    file: required("FILE", "the tar to write, - for standard output"),
  },
  options: {
    ...connection,
    name: text("--name <name:tag>", "what Docker calls it (default: its name in a registry)"),
    referrers: flag("--no-referrers", "leave behind what hangs on the manifests"),
    platform,
    dryRun,
  },
  examples: [
    { about: "One file for any tool, with SBOMs and signatures", line: "berth export ghcr.io/org/app:v1 app.tar" },
    {
      about: "Load an image that was built in a layout into Docker",
      line: "berth export ocidir://images:v1 - --name app:v1 | docker load",
    },
  ],
  writes: true,
  async run({ source, file }, options, context) {
    const { signal, onEvent, out } = context;
    await using from = await openLocated(source, "read", options, context);
    const root = await resolveManifest(from, options.platform, context);
    const { tag, full } = await nameFor(from, options.name, context);
    const locator: ArchiveLocator = { medium: "archive", path: file, ...(tag === undefined ? {} : { tag }) };
    const loadable = tag === undefined || full === undefined ? {} : { [tag]: full };
    const mode = options.dryRun ? "plan" : "create";
    await using to = await openParsed(locator, { mode, replace: true, loadable }, options, context);
    const copying: CopyOptions = {
      source: from.store,
      target: to.store,
      roots: [{ descriptor: root, tags: tag === undefined ? [] : [tag] }],
      referrers: options.referrers,
      signal,
      onEvent,
    };
    const { copy, planCopy } = await import("../../transfer/copy.ts");
    const ends = { source: describeOpened(from), target: describeOpened(to) };
    if (options.dryRun) return await printPlan(planCopy(copying), ends, context);
    const summary = await copy(copying);
    if (tag === undefined) await list(from, to, root, context);
    const { push, mount, link } = summary.nodes;
    const names = { ...(tag === undefined ? {} : { tag }), ...(full === undefined ? {} : { name: full }) };
    out.result(
      { ...ends, digest: root.digest, ...names, ...summary },
      [root.digest, `${formatCount(push + mount + link, "node")}, ${formatBytes(summary.totalBytes)}, into ${file}`],
      [root.digest],
    );
  },
});

/** The tag in the archive, and the name that Docker shows. */
async function nameFor(
  from: Opened,
  wanted: string | undefined,
  { signal }: Context,
): Promise<{ readonly tag?: string; readonly full?: string }> {
  if (wanted !== undefined) {
    const { digest, ...reference } = parseReference(wanted);
    if (digest !== undefined) {
      throw new OciError("USAGE", `Expected a name and a tag for --name, got a digest: ${JSON.stringify(wanted)}`);
    }
    const tag = reference.tag ?? DEFAULT_TAG;
    return { tag, full: formatReference({ ...reference, tag }) };
  }
  const { locator } = from;
  const name = from.tag === undefined ? await nameOf(from, { signal }) : { tag: from.tag };
  if (!("tag" in name)) return {};
  if (locator.medium !== "registry") return { tag: name.tag };
  const { host, repository } = locator;
  return { tag: name.tag, full: formatReference({ host, repository, tag: name.tag }) };
}

/** What has no tag is found by its entry alone. */
async function list(from: Opened, to: Opened, root: Descriptor, { signal }: Context): Promise<void> {
  const bytes = await collect(from.store.fetch(root, { signal }), Limits.manifest, `manifest ${root.digest}`);
  await to.store.push(root, () => fromBuffer(bytes), { kind: "manifest", closed: false, signal });
}
