import type { Bench, Row } from "./row.ts";
import { foreignLayoutToLayout, layoutToLayout } from "./rows/layout-to-layout.ts";
import {
  help,
  layoutToRegistryOne,
  mirrorHundred,
  registrySameHost,
  registryToLayout,
  registryToLayoutOne,
  registryTwoHosts,
} from "./rows/copy.ts";
import { gc } from "./rows/gc.ts";
import { largeBlob } from "./rows/large-blob.ts";
import { layoutToRegistry } from "./rows/layout-to-registry.ts";
import { headBlob, manifestByDigest, manifestByTag, smallBlob } from "./rows/loaded.ts";
import { memory } from "./rows/memory.ts";
import { pushOne, pushTwenty } from "./rows/push.ts";
import { referrers } from "./rows/referrers.ts";
import { resident } from "./rows/resident.ts";
import { signImages, verifyImages } from "./rows/sign.ts";
import { start } from "./rows/start.ts";
import { tagList, tagPut } from "./rows/tags.ts";

/** All rows by name, in the order of the table; the loads first, so that `resident` comes after them. */
export const ROWS: Readonly<Record<string, (bench: Bench) => Promise<Row | undefined>>> = {
  "manifest-by-tag": manifestByTag,
  "manifest-by-digest": manifestByDigest,
  "head-blob": headBlob,
  "small-blob": smallBlob,
  "large-blob": largeBlob,
  resident,
  "push-one": pushOne,
  "push-twenty": pushTwenty,
  "tag-list": tagList,
  "tag-put": tagPut,
  referrers,
  gc,
  start,
  "layout-to-layout": layoutToLayout,
  "foreign-layout-to-layout": foreignLayoutToLayout,
  "layout-to-registry": layoutToRegistry,
  "layout-to-registry-one": layoutToRegistryOne,
  "registry-to-layout": registryToLayout,
  "registry-to-layout-one": registryToLayoutOne,
  "registry-same-host": registrySameHost,
  "registry-two-hosts": registryTwoHosts,
  "mirror-hundred": mirrorHundred,
  "verify-images": verifyImages,
  "sign-images": signImages,
  help,
  memory,
};
