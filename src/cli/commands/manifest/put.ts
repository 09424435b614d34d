import { isOciError, OciError } from "../../../error/oci-error.ts";
import { describeOpened, type Opened } from "../../../open/opened.ts";
import { computableAlgorithm } from "../../../spec/digest.ts";
import { parseJson } from "../../../spec/json.ts";
import { Limits } from "../../../spec/limits.ts";
import { type Manifest, parseManifest, sniffManifestType } from "../../../spec/manifest.ts";
import { manifestEdges } from "../../../store/successors.ts";
import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated } from "../../connection.ts";
import type { Context } from "../../context.ts";
import { readInput } from "../../input.ts";
import { required, text } from "../../option.ts";
import { dryRun } from "../../shared-options.ts";

const HINT = "FILE has to be an image manifest or index; any other file goes with: berth push, or berth blob put";

export const command: Command = defineCommand({
  about:
    "Stores the bytes exactly as they are, under the target's tag or, where it has none, by their digest alone. What the manifest names has to be there already; for the children of an index there is only a warning. A digest in the target has to be that of the bytes.",
  arguments: {
    target: required("TARGET", "where to put it, with a tag, a digest or neither"),
    file: required("FILE", "the manifest, - for standard input"),
  },
  options: {
    ...connection,
    mediaType: text("--media-type <type>", "its media type, where the manifest does not say it itself"),
    dryRun,
  },
  examples: [
    { about: "Tag an edited index in a layout", line: "berth manifest put ocidir://images:v2 index.json" },
    {
      about: "Store the same bytes under a second tag",
      line: "berth manifest get localhost:5000/app:v1 | berth manifest put localhost:5000/app:v2 -",
    },
  ],
  writes: true,
  async run({ target, file }, options, context) {
    const { signal, out } = context;
    const bytes = await readInput(file, Limits.manifest, "manifest", context);
    const mediaType =
      options.mediaType ?? sniffManifestType(parseJson(bytes, "manifest", "MANIFEST_INVALID", { hint: HINT }));
    if (mediaType === undefined) {
      throw new OciError("MANIFEST_INVALID", "Cannot tell the manifest's media type from its content", {
        hint: "Say it with --media-type",
      });
    }
    requireManifest(bytes, mediaType);
    await using opened = await openLocated(target, options.dryRun ? "plan" : "create", options, context);
    const algorithm = opened.digest === undefined ? "sha256" : computableAlgorithm(opened.digest);
    const { prepareManifest, writeManifest } = await import("../../../content/write-manifest.ts");
    const prepared = prepareManifest(bytes, mediaType, algorithm);
    const { descriptor } = prepared;
    if (opened.digest !== undefined && opened.digest !== descriptor.digest) {
      throw new OciError("DIGEST_INVALID", `Expected a manifest with ${opened.digest}, got ${descriptor.digest}`, {
        digest: opened.digest,
        hint: "Leave the digest out of the target, or look at what changed the bytes",
      });
    }
    const tags = opened.tag === undefined ? [] : [opened.tag];
    if (options.dryRun) {
      out.result({ dryRun: true, ...descriptor, tags }, [
        `Would put ${descriptor.digest} into ${describeOpened(opened)}`,
      ]);
      return;
    }
    await warnOfMissing(prepared.manifest, opened, context);
    const { existed } = await writeManifest(opened.store, prepared, { tags, signal });
    out.result({ ...descriptor, tags, existed }, [descriptor.digest]);
  },
});

/** The table's hint is about a manifest that is stored already. */
function requireManifest(bytes: Uint8Array, mediaType: string): void {
  try {
    parseManifest(bytes, mediaType);
  } catch (error) {
    if (!isOciError(error, "MANIFEST_INVALID")) throw error;
    throw new OciError(error.code, error.message, { cause: error, hint: HINT });
  }
}

/** An index may be stored without its children, as a sparse one is on purpose; more often it was not meant. */
async function warnOfMissing(manifest: Manifest, opened: Opened, context: Context): Promise<void> {
  if (manifest.form !== "index") return;
  const { signal } = context;
  let missing = 0;
  for (const { kind, descriptor } of manifestEdges(manifest).filter((edge) => edge.role !== "subject")) {
    if (!(await opened.store.exists(descriptor, { kind, signal }))) missing += 1;
  }
  if (missing === 0) return;
  context.warn(
    `${missing} of the ${manifest.manifests.length} manifests that the index names are not in ${describeOpened(opened)}; berth copy brings an index with all of them`,
  );
}
