/**
 * Moves tags of a depot and lets index.json follow, over and over, until it is killed: `follow-child.ts ROOT ROUND`. Each
 * acknowledged move is one line: a tag and a digest.
 */
import { writeSync } from "node:fs";
import { openDepot } from "../../src/depot/open-depot.ts";
import { image, pushImage } from "../support/content.ts";

const [root = "", round = ""] = process.argv.slice(2);
const depot = await openDepot(root);
const store = await depot.repository("a");
for (let count = 0; ; count += 1) {
  const tag = `t${count % 7}`;
  const subject = await pushImage(store, image(`${round} ${count}`), [tag]);
  writeSync(1, `${tag} ${subject.digest}\n`);
  await pushImage(store, image(`sbom ${round} ${count}`, { subject, artifactType: "application/x.sbom" }));
  void depot.settle();
}
