// npm runs this after `npm ci`, and before the first `npx berth` in a clone, on whatever Node is there. It
// must not fail where nothing can be built yet: npx would keep a broken copy. bin/berth.js says what is missing.
import { existsSync } from "node:fs";

const [major, minor] = process.versions.node.split(".").map(Number);

if (!existsSync(new URL("../node_modules/typescript", import.meta.url))) {
  console.log("Nothing built: the development dependencies are not installed");
} else if (major < 24 || (major === 24 && minor < 15)) {
  console.log(`Nothing built: Node 24.15 or newer is needed and this is Node ${process.versions.node}`);
} else {
  await import("./build.ts");
}
