import { collect } from "../../bytes/collect.ts";
import type { Descriptor } from "../../spec/descriptor.ts";
import type { Algorithm } from "../../spec/digest.ts";
import { Limits } from "../../spec/limits.ts";
import type { Source } from "../../store/store.ts";
import { type Command, defineCommand } from "../command.ts";
import { connection, openLocated } from "../connection.ts";
import type { Context } from "../context.ts";
import { choice, flag, required } from "../option.ts";
import { describePlace, purlWriter, resolveManifest } from "../resolve.ts";
import { platform } from "../shared-options.ts";

export const command: Command = defineCommand({
  about:
    "Resolves the tag and prints the digest of its manifest. Nothing but the manifest's head is fetched, except to compute the digest by another algorithm. With - it is the digest of what stands on standard input.",
  arguments: { source: required("SOURCE", "an image or artifact in a registry or layout, or - for standard input") },
  options: {
    ...connection,
    platform,
    algorithm: choice("--algorithm <name>", "compute it by this algorithm", ["sha256", "sha512"]),
    full: flag("--full", "print the whole reference, with the digest for the tag"),
  },
  examples: [
    { about: "The digest behind a tag in a registry", line: "berth digest alpine:3.20" },
    {
      about: "The digest of one platform's image in a layout",
      line: "berth digest ocidir://images:v1 --platform linux/arm64",
    },
    { about: "What to pin in a file of another tool", line: "berth digest ghcr.io/org/app:v1 --full" },
  ],
  async run({ source }, options, context) {
    const { out } = context;
    if (source === "-") {
      const { Digester } = await import("../../bytes/hash.ts");
      const digester = new Digester(options.algorithm ?? "sha256");
      for await (const chunk of context.stdin()) digester.update(chunk);
      const { size } = digester;
      const digest = digester.digest();
      out.result({ digest, size }, [digest]);
      return;
    }
    await using opened = await openLocated(source, "read", options, context);
    const found = await resolveManifest(opened, options.platform, context);
    const rehash = options.algorithm !== undefined && !found.digest.startsWith(`${options.algorithm}:`);
    const descriptor = rehash ? await rehashed(opened.store, found, options.algorithm ?? "sha256", context) : found;
    const { digest } = descriptor;
    const reference = `${describePlace(opened)}@${digest}`;
    const purl = out.json ? (await purlWriter(opened))(digest, opened.tag) : {};
    out.result({ ...descriptor, reference, ...purl }, [options.full ? reference : digest]);
  },
});

/** The descriptor of the same bytes by another algorithm. */
async function rehashed(
  source: Pick<Source, "fetch">,
  found: Descriptor,
  algorithm: Algorithm,
  { signal }: Context,
): Promise<Descriptor> {
  const { digestOf } = await import("../../bytes/hash.ts");
  const bytes = await collect(source.fetch(found, { signal }), Limits.manifest, `manifest ${found.digest}`);
  return { ...found, digest: digestOf(bytes, algorithm) };
}
