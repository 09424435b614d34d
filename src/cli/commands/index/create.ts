import { describeOpened } from "../../../open/opened.ts";
import { isDigest } from "../../../spec/digest.ts";
import { MediaType } from "../../../spec/media-type.ts";
import { parseTag } from "../../../spec/name.ts";
import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated, refuseSharedCredentials } from "../../connection.ts";
import { newImageTags } from "../../image-target.ts";
import { entryOptions, gatherEntries, tellDockerLimits } from "../../index-options.ts";
import { anyNumber, choice, keyValues, required, text } from "../../option.ts";
import { dryRun } from "../../shared-options.ts";

export const command: Command = defineCommand({
  about:
    "Makes an index of images and prints its digest. A SOURCE that is an index gives its images; each is copied to where TARGET lies, with what hangs on it, unless it is there. The platform of an entry is that of the image's configuration. --media-type is that of the index alone: berth copy --to-docker converts images.",
  arguments: {
    target: required("TARGET", "the index, with its tag"),
    sources: anyNumber("SOURCE", "images and indexes, from anywhere"),
  },
  options: {
    ...connection,
    ...entryOptions,
    artifactType: text("--artifact-type <type>", "what the index as a whole is"),
    mediaType: choice("--media-type <type>", "OCI's index (the default), or Docker's manifest list", [
      MediaType.ImageIndex,
      MediaType.DockerManifestList,
    ]),
    subject: text("--subject <tag or digest>", "the manifest, in the same place, that it hangs on"),
    annotations: keyValues("-a, --annotation <key=value>", "annotate the index (may be repeated)"),
    dryRun,
  },
  examples: [
    {
      about: "Two platforms that were built apart",
      line: "berth index create ocidir://images:both ocidir://images:v1 ghcr.io/org/app:v1",
    },
    {
      about: "One platform of an index, in a registry, with a note on it",
      line: "berth index create localhost:5000/app:small alpine:3.20 --platform linux/amd64 -a org.example.kind=small",
    },
    {
      about: "A manifest list with Docker's media type, of images that have Docker's as well",
      line: "berth index create localhost:5000/app:list localhost:5000/app:v1 --media-type application/vnd.docker.distribution.manifest.list.v2+json",
    },
  ],
  writes: true,
  async run({ target, sources }, options, context) {
    const { signal, out } = context;
    const { artifactType, annotations } = options;
    await refuseSharedCredentials([target, ...sources], options, context);
    await using opened = await openLocated(target, options.dryRun ? "plan" : "create", options, context);
    const { subject: written } = options;
    const name = written === undefined || isDigest(written) ? written : parseTag(written);
    const subject =
      name === undefined
        ? undefined
        : await opened.store.resolve(isDigest(name) ? { digest: name } : { tag: name }, { signal });
    const entries = await gatherEntries(sources, options.dryRun ? undefined : opened.store, options, context);
    tellDockerLimits(options.mediaType, entries, options, context);
    const { createIndex } = await import("../../../content/index-edit.ts");
    const { writeManifest } = await import("../../../content/write-manifest.ts");
    const prepared = createIndex(entries, {
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(subject === undefined ? {} : { subject }),
      annotations,
      ...(options.mediaType === undefined ? {} : { mediaType: options.mediaType }),
    });
    const { descriptor } = prepared;
    const tags = newImageTags(opened);
    const result = { ...descriptor, tags, manifests: entries };
    if (options.dryRun) {
      out.result({ dryRun: true, ...result }, [`Would write ${descriptor.digest} into ${describeOpened(opened)}`]);
      return;
    }
    await writeManifest(opened.store, prepared, { tags, signal });
    out.result(result, [descriptor.digest]);
  },
});
