import { OciError } from "../../../error/oci-error.ts";
import { describePlace, requireDigest } from "../../resolve.ts";
import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated, refuseSharedCredentials } from "../../connection.ts";
import { formatBytes } from "../../format.ts";
import { required } from "../../option.ts";
import { dryRun } from "../../shared-options.ts";

const WAYS = { existed: "It was there already", mounted: "Taken over without moving it", sent: "Sent" } as const;

export const command: Command = defineCommand({
  about:
    "Copies one blob and prints its digest. Inside one registry it is mounted, between layouts on one disk linked, where that is possible; otherwise its bytes are sent, and checked.",
  arguments: {
    source: required("SOURCE", "the blob, with its digest"),
    target: required("TARGET", "the repository or layout, with or without the digest"),
  },
  options: { ...connection, dryRun },
  examples: [
    {
      about: "Mount a layer from one repository into another",
      line: "berth blob cp localhost:5000/app@sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1 localhost:5000/b",
    },
    {
      about: "Only look whether it would have to be sent",
      line: "berth blob cp ocidir://images@sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1 localhost:5000/b --dry-run",
    },
  ],
  writes: true,
  async run({ source, target }, options, context) {
    const { signal, out } = context;
    await refuseSharedCredentials([source, target], options, context);
    await using from = await openLocated(source, "read", options, context);
    const digest = requireDigest(from);
    const { size } = await from.store.resolve({ digest }, { kind: "blob", signal });
    const descriptor = { mediaType: "application/octet-stream", digest, size };
    await using to = await openLocated(target, options.dryRun ? "plan" : "create", options, context);
    if (to.digest !== undefined && to.digest !== digest) {
      throw new OciError("DIGEST_INVALID", `The target expects ${to.digest}, but the source is ${digest}`, { digest });
    }
    if (options.dryRun) {
      const existed = await to.store.exists(descriptor, { kind: "blob", signal });
      const what = existed ? `Nothing to copy: ${describePlace(to)} has` : `Would copy to ${describePlace(to)}`;
      out.result({ dryRun: true, digest, size, existed }, [`${what} ${digest}`]);
      return;
    }
    const { copyBlob } = await import("../../../content/copy-blob.ts");
    const way = await copyBlob(descriptor, { source: from.store, target: to.store, signal });
    out.result({ digest, size, way }, [digest]);
    context.note(`${WAYS[way]}: ${formatBytes(size)}`);
  },
});
