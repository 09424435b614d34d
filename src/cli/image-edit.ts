import { OciError } from "../error/oci-error.ts";
import type { ImageChange } from "../image/image-change.ts";
import type { ModImageOptions, ModResult } from "../image/mod.ts";
import { describeOpened, type Opened, resolveOpened } from "../open/opened.ts";
import { parseTag } from "../spec/name.ts";
import { parsePlatformText } from "../spec/platform.ts";
import { connection, type ConnectionValues, openLocated, refuseSharedCredentials } from "./connection.ts";
import type { Context } from "./context.ts";
import { formatCount } from "./format.ts";
import { newImageTags } from "./image-target.ts";
import { flag, list, type Option, type OptionValues, text } from "./option.ts";
import { requireTag } from "./resolve.ts";
import { dryRun } from "./shared-options.ts";
import { style } from "./style.ts";

/** Options of every command that makes an image out of another one: where the result goes, and what goes with it. */
export const editOptions: typeof connection & {
  readonly replace: Option<boolean>;
  readonly tag: Option<string | undefined>;
  readonly create: Option<string | undefined>;
  readonly platforms: Option<readonly string[]>;
  readonly referrers: Option<boolean>;
  readonly dryRun: Option<boolean>;
} = {
  ...connection,
  replace: flag("--replace", "move the source's tag to the result"),
  tag: text("-t, --tag <tag>", "name the result beside the source"),
  create: text("--create <target>", "put the result somewhere else"),
  platforms: list("--platform <os/arch[/variant]>", "only these images of an index (may be repeated)"),
  referrers: flag("--referrers", "copy what hangs on a changed manifest to the new one"),
  dryRun,
};

export type EditValues = OptionValues<typeof editOptions>;

function requireOneWay({ replace, tag, create }: EditValues): void {
  if ([replace, tag !== undefined, create !== undefined].filter(Boolean).length === 1) return;
  throw new OciError("USAGE", "Expected one of --replace, --tag and --create", {
    hint: "They say where the result goes; --dry-run shows it without writing",
  });
}

async function tagsOf(from: Opened, to: Opened | undefined, tag: string | undefined): Promise<readonly string[]> {
  if (to) return newImageTags(to);
  return [tag === undefined ? await requireTag(from) : parseTag(tag)];
}

/**
 * Changes an image as the options say, and shows what came of it.
 * @param others further locators that are opened, so that one password does not reach two hosts
 * @param change what to do; `opened` is the source
 */
export async function editImage(
  source: string,
  options: EditValues,
  context: Context,
  change: (opened: Opened) => Promise<ImageChange> | ImageChange,
  others: readonly string[] = [],
): Promise<void> {
  requireOneWay(options);
  const named = options.create === undefined ? [] : [options.create];
  await refuseSharedCredentials([source, ...named, ...others], options, context);
  const mode = options.dryRun || options.create !== undefined ? "read" : "write";
  await using from = await openLocated(source, mode, options, context);
  const descriptor = await resolveOpened(from, { signal: context.signal });
  const wanted = await change(from);
  await using to =
    options.create === undefined
      ? undefined
      : await openLocated(options.create, options.dryRun ? "plan" : "create", options, context);
  const tags = await tagsOf(from, to, options.tag);
  const { modImage } = await import("../image/mod.ts");
  const result = await modImage({
    ...wanted,
    ...platformsOf(options),
    source: from.store,
    descriptor,
    target: (to ?? from).store,
    tags,
    ...(options.replace ? { expect: descriptor.digest } : {}),
    referrers: options.referrers,
    dryRun: options.dryRun,
    signal: context.signal,
    onEvent: context.onEvent,
  });
  warnLeft(result, options.referrers, context);
  const shown = {
    source: describeOpened(from),
    target: describeOpened(to ?? from),
    tags,
    from: descriptor,
    ...result,
  };
  context.out.result(options.dryRun ? { dryRun: true, ...shown } : shown, () => lines(result), [
    result.descriptor.digest,
  ]);
}

function platformsOf({ platforms }: EditValues): Pick<ModImageOptions, "platforms"> {
  return platforms.length === 0 ? {} : { platforms: platforms.map(parsePlatformText) };
}

function warnLeft({ left }: ModResult, asked: boolean, context: Context): void {
  if (left.length === 0) return;
  const count = formatCount(left.length, "referrer");
  const stay = left.length === 1 ? "stays with the old digest" : "stay with the old digests";
  context.warn(
    asked
      ? `${count} cannot follow: signatures and attestations speak of the old digest; sign or attest again`
      : `${count} ${stay}; --referrers copies what can follow`,
  );
}

function lines({ changes, descriptor }: ModResult): string[] {
  const told = changes.map(({ role, from, to }) => `${role.padEnd(8)}  ${style.dim(from.digest)} -> ${to.digest}`);
  return [...(told.length === 0 ? ["Nothing to change"] : told), style.bold(descriptor.digest)];
}

/** The locator of a base that an annotation names: whoever wrote it names an image in a registry, and no file here. */
export function annotatedBase(name: string, digest?: string): string {
  return `docker://${name}${digest === undefined ? "" : `@${digest}`}`;
}

/** Opens an image that another one is based on; it stays open until the stack is disposed. */
export async function openBase(
  written: string,
  options: ConnectionValues,
  context: Context,
  stack: AsyncDisposableStack,
): Promise<{ source: Opened["store"]; descriptor: Awaited<ReturnType<typeof resolveOpened>>; name?: string }> {
  const opened = stack.use(await openLocated(written, "read", options, context));
  const descriptor = await resolveOpened(opened, { signal: context.signal });
  // A path of this machine says nothing to anybody else, and would make the digest depend on it.
  const name =
    opened.locator.medium === "registry" && opened.digest === undefined ? { name: describeOpened(opened) } : {};
  return { source: opened.store, descriptor, ...name };
}
