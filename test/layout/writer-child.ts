/**
 * Writes images into a layout and says so: `node writer-child.ts ROOT NAME COUNT`.
 * One line "TAG DIGEST" goes to stdout after each push that was acknowledged.
 */
import { writeSync } from "node:fs";
import { openLayout } from "../../src/layout/open-layout.ts";
import { image, listed, pushBlob, pushImage, sourceOf } from "../support/content.ts";

const [root = "", name = "", count = "1"] = process.argv.slice(2);
const store = await openLayout(root, { create: true });
for (let at = 0; at < Number(count); at += 1) {
  const tag = `${name}-${at}`;
  const parts = image(tag);
  const descriptor = await pushImage(store, parts, [tag]);
  writeSync(1, `${tag} ${descriptor.digest}\n`);
  if (at % 12 !== 1) continue;
  const referrer = image(`referrer of ${tag}`, { subject: descriptor, artifactType: "application/x.test" });
  for (const part of referrer.blobs) await pushBlob(store, part);
  const { manifest } = referrer;
  await store.push(manifest.descriptor, sourceOf(manifest.bytes), { kind: "manifest", listed: false });
  await store.listReferrers?.([{ subject: descriptor, add: [await listed(manifest)], remove: [] }]);
  writeSync(1, `>${descriptor.digest} ${manifest.descriptor.digest}\n`);
}
