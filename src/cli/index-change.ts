import type { EditableIndex } from "../content/index-edit.ts";
import type { PreparedManifest } from "../content/write-manifest.ts";
import { describeOpened, type Opened } from "../open/opened.ts";
import type { Context } from "./context.ts";
import { resolveManifest, tagMeant } from "./resolve.ts";

/** An index made of another one. */
export interface IndexChange {
  readonly prepared: PreparedManifest;
  /** For --json. */
  readonly result: object;
}

/** Reads the index behind a locator, changes it, and moves the tag if it is still what was read. */
export async function changeIndex(
  opened: Opened,
  dryRun: boolean,
  context: Context,
  change: (index: EditableIndex) => Promise<IndexChange>,
): Promise<void> {
  const { signal, out } = context;
  const [{ readIndex }, { writeManifest }] = await Promise.all([
    import("../content/index-edit.ts"),
    import("../content/write-manifest.ts"),
  ]);
  const before = await resolveManifest(opened, undefined, context);
  const tag = await tagMeant(opened);
  const { prepared, result } = await change(await readIndex(opened.store, before, { signal }));
  const { descriptor } = prepared;
  const tags = tag === undefined ? [] : [tag];
  const printed = { ...descriptor, tags, before: before.digest, ...result };
  if (dryRun) {
    out.result({ dryRun: true, ...printed }, [`Would write ${descriptor.digest} into ${describeOpened(opened)}`]);
    return;
  }
  if (descriptor.digest !== before.digest) {
    await writeManifest(opened.store, prepared, { tags, expect: before.digest, signal });
  }
  out.result(printed, [descriptor.digest]);
}
