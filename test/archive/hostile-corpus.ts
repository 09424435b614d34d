import { image } from "../support/content.ts";
import { padded, paxRecord, type RawFields, rawHeader, sealHeader } from "../tar/raw-header.ts";
import { tarInput, tarOf } from "./scene.ts";

const END = Buffer.alloc(1024);

function header(fields: Partial<RawFields>): Buffer {
  const file = { name: "a", mode: 0o644, uid: 0, gid: 0, size: 0, modifiedAt: 0, flag: "0" };
  return rawHeader({ ...file, linkName: "", userName: "", groupName: "", ...fields });
}

function entry(fields: Partial<RawFields>, content = ""): Buffer {
  const body = Buffer.from(content);
  return Buffer.concat([header({ ...fields, size: body.length }), padded(body)]);
}

/** An entry with its size field as it is given. */
function sized(name: string, field: Buffer): Buffer {
  const block = header({ name });
  field.copy(block, 124);
  sealHeader(block);
  return block;
}

function pax(records: Readonly<Record<string, string>>, flag = "x"): Buffer {
  const body = Buffer.concat(Object.entries(records).map(([key, value]) => paxRecord(key, value)));
  return Buffer.concat([header({ flag, size: body.length }), padded(body)]);
}

/** The image that is whole and readable in every archive of the corpus that can be read at all. */
export const sound = image("sound");

function blobPath(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}

/** The entries of a sound layout, to put a hostile one beside. */
export async function soundLayout(): Promise<Buffer> {
  const { descriptor } = sound.manifest;
  const index = {
    schemaVersion: 2,
    manifests: [{ ...descriptor, annotations: { "org.opencontainers.image.ref.name": "v1" } }],
  };
  const parts = [sound.manifest, ...sound.blobs];
  const tar = await tarOf([
    tarInput("oci-layout", JSON.stringify({ imageLayoutVersion: "1.0.0" })),
    tarInput("index.json", JSON.stringify(index)),
    ...parts.map((part) => tarInput(blobPath(part.descriptor.digest), part.bytes)),
  ]);
  return tar.subarray(0, -1024);
}

/** What a stranger may put beside a sound layout. Each is harmless, since nothing is ever written under its own name. */
export function harmless(outside: string): Readonly<Record<string, Buffer>> {
  const zeros = `blobs/sha256/${"0".repeat(64)}`;
  return {
    "a path out of the archive": entry({ name: "../../sentinel/owned" }, "evil"),
    "an absolute path": entry({ name: `${outside}/owned` }, "evil"),
    "a path that climbs through a blob's folder": entry({ name: "blobs/sha256/../../../sentinel/owned" }, "evil"),
    "a blob's name with a path for a digest": entry({ name: "blobs/sha256/../../index.json" }, "{}"),
    "a link out of the archive": entry({ name: "escape", flag: "2", linkName: outside }),
    "a link out, and a file below it": Buffer.concat([
      entry({ name: "escape", flag: "2", linkName: outside }),
      entry({ name: "escape/owned" }, "evil"),
    ]),
    "a chain of links, each of them fine": Buffer.concat([
      entry({ name: "s/parent", flag: "2", linkName: ".." }),
      entry({ name: "s/parent/esc", flag: "2", linkName: ".." }),
      entry({ name: "s/parent/esc/owned" }, "evil"),
    ]),
    "a hard link to a file outside": entry({ name: "hard", flag: "1", linkName: `${outside}/file` }),
    "a device": entry({ name: "dev", flag: "3" }),
    "a fifo": entry({ name: "fifo", flag: "6" }),
    "a blob that is a device": entry({ name: zeros, flag: "4" }),
    "a blob that is a link to a secret": entry({ name: zeros, flag: "2", linkName: `${outside}/file` }),
    "a setuid file": entry({ name: "suid", mode: 0o4755 }, "evil"),
    whiteouts: Buffer.concat([entry({ name: ".wh.index.json" }), entry({ name: "blobs/.wh..wh..opq" })]),
    "a name with controls": entry({ name: "x\u001b]0;owned\u0007" }, "evil"),
    "names in another case": entry({ name: "INDEX.JSON" }, "{}"),
    "an all-digit path in a PAX record": Buffer.concat([pax({ path: "12345" }), entry({})]),
    "the same blob twice": Buffer.concat([
      entry({ name: blobPath(sound.manifest.descriptor.digest) }, Buffer.from(sound.manifest.bytes).toString()),
    ]),
    "a path 4,000 folders deep": Buffer.concat([pax({ path: `${"d/".repeat(4000)}x` }), entry({})]),
  };
}

/** What makes an archive unreadable, with the code of the error. */
export function refused(): Readonly<Record<string, { readonly extra: Buffer; readonly end?: Buffer }>> {
  const octal = (text: string): Buffer => Buffer.from(text.padEnd(12, "\0"), "latin1");
  return {
    "a second index.json": { extra: entry({ name: "index.json" }, '{"schemaVersion":2,"manifests":[]}') },
    "a second oci-layout": { extra: entry({ name: "./oci-layout" }, '{"imageLayoutVersion":"1.0.0"}') },
    "a second index.json by a PAX record": {
      extra: Buffer.concat([pax({ path: "index.json" }), entry({}, '{"schemaVersion":2}')]),
    },
    "the root as a link": { extra: entry({ name: ".", flag: "2", linkName: "/" }) },
    "blobs as a link": { extra: entry({ name: "blobs", flag: "2", linkName: "/" }) },
    "a folder of blobs as a link": { extra: entry({ name: "./blobs/sha256/", flag: "2", linkName: "../.." }) },
    "a sparse file": {
      extra: Buffer.concat([
        pax({
          "GNU.sparse.major": "1",
          "GNU.sparse.minor": "0",
          "GNU.sparse.name": "x",
          "GNU.sparse.realsize": "1099511627776",
        }),
        entry({}),
      ]),
    },
    "an old sparse file": { extra: entry({ name: "x", flag: "S" }) },
    "a size that PAX and header tell apart": { extra: Buffer.concat([pax({ size: "1099511627776" }), entry({}, "x")]) },
    "a PAX size that is no number": { extra: Buffer.concat([pax({ size: "-1" }), entry({}, "x")]) },
    "a PAX size for all entries": { extra: pax({ size: "512" }, "g") },
    "a size of eight exabytes": { extra: sized("x", octal("777777777777")) },
    "a size beyond all integers": { extra: sized("x", Buffer.from("80ffffffffffffffffffffff", "hex")) },
    "a negative size": { extra: sized("x", Buffer.from("ffffffffffffffffffffffff", "hex")) },
    "a size in words": { extra: sized("x", octal("lots")) },
    "a NUL in a PAX path": { extra: Buffer.concat([pax({ path: "index.json\0x" }), entry({})]) },
    "a PAX record of the wrong length": {
      extra: Buffer.concat([header({ flag: "x", size: 512 }), padded(Buffer.from("99 path=x\n"))]),
    },
    "a long name of a gigabyte": { extra: header({ flag: "L", size: 2 ** 30 }) },
    "a wrong checksum": { extra: Buffer.from(entry({ name: "x" }).map((byte, at) => (at === 150 ? 0x37 : byte))) },
    "a directory with content": { extra: entry({ name: "d/" }, "content") },
    "no name": { extra: entry({ name: "" }) },
    "garbage behind the end": { extra: Buffer.alloc(0), end: Buffer.concat([END, Buffer.from("garbage")]) },
    "a second tar behind the end": { extra: Buffer.alloc(0), end: Buffer.concat([END, entry({ name: "x" }), END]) },
    "no end": { extra: Buffer.alloc(0), end: Buffer.alloc(0) },
    "half an entry": { extra: entry({ name: "x" }, "x".repeat(600)).subarray(0, 700), end: Buffer.alloc(0) },
  };
}

export { END };
