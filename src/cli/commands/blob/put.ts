import type { Bytes } from "../../../bytes/bytes.ts";
import type { Digester } from "../../../bytes/hash.ts";
import { OciError } from "../../../error/oci-error.ts";
import { describeOpened, type Opened } from "../../../open/opened.ts";
import { type Algorithm, computableAlgorithm, type Digest } from "../../../spec/digest.ts";
import { need } from "../../../store/need.ts";
import { type Command, defineCommand } from "../../command.ts";
import { connection, openLocated } from "../../connection.ts";
import type { Context } from "../../context.ts";
import { hashInput } from "../../input.ts";
import { required } from "../../option.ts";
import { dryRun } from "../../shared-options.ts";

export const command: Command = defineCommand({
  about: "Stores a file as a blob and prints its digest. A digest in the target has to be that of the bytes.",
  arguments: {
    target: required("TARGET", "the repository or layout, with or without the digest"),
    file: required("FILE", "the content, - for standard input"),
  },
  options: { ...connection, dryRun },
  examples: [
    { about: "Put a layer into a layout", line: "berth blob put ocidir://images layer.tar.gz" },
    { about: "Push what another program writes", line: "tar -cz ./dist | berth blob put localhost:5000/app -" },
  ],
  writes: true,
  async run({ target, file }, options, context) {
    const { signal, out } = context;
    await using opened = await openLocated(target, options.dryRun ? "plan" : "create", options, context);
    const algorithm = opened.digest === undefined ? "sha256" : computableAlgorithm(opened.digest);
    if (file === "-" && !options.dryRun) {
      const streamed = await stream(opened, algorithm, context);
      out.result(streamed, [streamed.digest]);
      return;
    }
    const { digest, size, source } = await hashFile(file, algorithm, context);
    requireSame(opened, digest);
    if (options.dryRun) {
      out.result({ dryRun: true, digest, size }, [`Would put ${digest} into ${describeOpened(opened)}`]);
      return;
    }
    const descriptor = { mediaType: "application/octet-stream", digest, size };
    const { existed } = await opened.store.push(descriptor, source, { kind: "blob", signal });
    out.result({ digest, size, existed }, [digest]);
  },
});

async function hashFile(file: string, algorithm: Algorithm, context: Context): ReturnType<typeof hashInput> {
  if (file !== "-") return hashInput(file, algorithm, context);
  const digester = await openDigester(algorithm);
  for await (const chunk of context.stdin()) digester.update(chunk);
  return { size: digester.size, digest: digester.digest(), source: () => context.stdin() };
}

function requireSame(opened: Opened, digest: Digest): void {
  if (opened.digest === undefined || opened.digest === digest) return;
  throw new OciError("DIGEST_INVALID", `Expected content with ${opened.digest}, got ${digest}`, {
    digest: opened.digest,
    hint: "Leave the digest out of the target, or look at what changed the bytes",
  });
}

/** Standard input comes once: it is staged while it is hashed, and named at the end. */
async function stream(
  opened: Opened,
  algorithm: Algorithm,
  context: Context,
): Promise<{ digest: Digest; size: number }> {
  const { signal } = context;
  const upload = await need(opened.store, "stage")({ algorithm, signal });
  try {
    const digester = await openDigester(algorithm);
    await upload.append(hashing(context.stdin(), digester), upload.offset, { signal });
    const digest = digester.digest();
    requireSame(opened, digest);
    await upload.commit(digest, { signal });
    return { digest, size: digester.size };
  } catch (error) {
    // It could not be resumed: nobody can send standard input again.
    await upload.abort().catch(() => undefined);
    throw error;
  }
}

async function openDigester(algorithm: Algorithm): Promise<Digester> {
  const { Digester } = await import("../../../bytes/hash.ts");
  return new Digester(algorithm);
}

async function* hashing(bytes: Bytes, digester: Digester): Bytes {
  for await (const chunk of bytes) {
    digester.update(chunk);
    yield chunk;
  }
}
