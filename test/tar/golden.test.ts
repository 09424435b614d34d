import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBuffer } from "../../src/bytes/bytes.ts";
import { collect } from "../../src/bytes/collect.ts";
import { digestOf } from "../../src/bytes/hash.ts";
import type { TarEntry } from "../../src/tar/entry.ts";
import { type TarInput, writeTar } from "../../src/tar/write.ts";

const plain: TarEntry = {
  path: "a",
  type: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  userName: "",
  groupName: "",
  modifiedAt: 0,
  size: 0,
};

function input(fields: Partial<TarEntry>, text = ""): TarInput {
  const content = Buffer.from(text);
  return { entry: { ...plain, ...fields, size: content.length }, content: () => fromBuffer(content) };
}

async function digest(...inputs: TarInput[]): Promise<string> {
  return digestOf(await collect(writeTar(inputs), 1 << 20, "tar"));
}

// What a header looks like is tar-stream's; images in the world depend on these bytes. Another
// digest here means that a new version of it writes others: it must not come in unnoticed.
const golden: Readonly<Record<string, readonly [string, TarInput]>> = {
  "an empty file": ["sha256:4c7f7d794e34123b2e02dd7231a7254f02102226c756a4d23315a11bcc76f711", input({})],
  "a file with content, mode, owner and time": [
    "sha256:6ec04ec3364a441fccf441ed80e78ca3027fa25ebd7386259a1bd0f693b85981",
    input({ mode: 0o4755, uid: 1000, gid: 0o777777, userName: "u", groupName: "g", modifiedAt: 2 ** 31 - 1 }, "hello"),
  ],
  "a mode of 0": ["sha256:e4a2a3277d031bd5fb5ca53436ed4818b000be2d3b0fe5aeb823e79bf4434005", input({ mode: 0 })],
  "a directory": [
    "sha256:81ddef1c6ff9ffae2f01933cf33c9b1d0c2de951658093c64917371ff678dd1a",
    input({ path: "opt/app", type: "directory", mode: 0o755 }),
  ],
  "a symlink": [
    "sha256:8ce7015654e9000938f56d6bc023c04c71d216901ee6e8d56d92479e76b1510c",
    input({ path: "l", type: "symlink", linkPath: "../x", mode: 0o777 }),
  ],
  "a symlink to nowhere": [
    "sha256:4bef4b051311410e03299cdb62a4676a16e1dc501d24c339f6dbb8ed4cc1ec5a",
    input({ path: "l", type: "symlink", linkPath: "" }),
  ],
  "a hard link": [
    "sha256:6ee0bbdfdcd6a517b6574692c7ad8822ff587d991804e3c8af85774f378a8fe1",
    input({ path: "h", type: "hardlink", linkPath: "a" }),
  ],
  "a path of 100 bytes": [
    "sha256:7ab1f50d4a0f33ecfb07c26b8c564736476e3c000f0fe1a2a72d274ee0a9f737",
    input({ path: `${"d/".repeat(49)}ff` }),
  ],
  "a path of 101 bytes": [
    "sha256:9dda8355e03cbe66e3401f251a6740f5cb791965fef7dafd19f20ae6f4249d37",
    input({ path: `${"d/".repeat(50)}f` }),
  ],
  "a path in another script": [
    "sha256:3f0b1062d80ff3331b153f39a45b5b3e319d5374918ed29fcf6d054b8e9c3434",
    input({ path: "日本語" }),
  ],
  "a long link": [
    "sha256:59b5951dc75486cfb8a4902461c0ea2582f4ec84610d2aa83077cb07eee4791b",
    input({ path: "l", type: "symlink", linkPath: "t".repeat(150) }),
  ],
  "owners that are too large": [
    "sha256:bb416344342a54d3b69fc93c7285ffd31cce38023d64c580d7f5df8d52053f95",
    input({ uid: 0o1000000, gid: 3_000_000 }),
  ],
  "a time with a fraction": [
    "sha256:1cdb29183fcf7b41fea700caf53715a119b27ec4288029f542700ce94ccfe4ca",
    input({ modifiedAt: 1.5 }),
  ],
  "a time before 1970": [
    "sha256:c343fb36652f06aa7adc3577dd9772c7459dc28f034831cb77e35fe397e517ac",
    input({ modifiedAt: -1000 }),
  ],
  "a time after 2038": [
    "sha256:c225080b14d0975e64f039da0161fde96842d11461f90268769635b3e15e07c8",
    input({ modifiedAt: 2 ** 31 }),
  ],
  "owners' names in another script": [
    "sha256:27990b5eac35c52f8393af4523dad1230776bd166d258eaa2f5bd5fe628123a8",
    input({ userName: "ä", groupName: "g".repeat(33) }),
  ],
};

for (const [what, [expected, entry]] of Object.entries(golden)) {
  test(`the bytes of ${what} are what they have always been`, async () => {
    assert.equal(await digest(entry), expected);
  });
}
