import { chmod, mkdir, open, readFile, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { digestOf } from "../../src/bytes/hash.ts";
import { type Client, networkClient } from "../../test/faults/client.ts";
import { Ledger } from "../../test/faults/ledger.ts";
import { prepare } from "../../test/faults/operations.ts";
import { Session } from "../../test/faults/session.ts";
import { blob, image, type Piece } from "../../test/support/content.ts";
import type { Outcome, Part, PartContext } from "./part.ts";
import { startServer } from "./server.ts";

const SIZE = 100_000;
const SERVED = "a depot, served";

/** What may become of a file; true: its size has stayed, so that only reading all of it shows the damage. */
const DAMAGE: Readonly<Record<string, (path: string) => Promise<boolean>>> = {
  async truncated(path) {
    await chmod(path, 0o644);
    await truncate(path, SIZE >> 1);
    return false;
  },
  async "cut to nothing"(path) {
    await chmod(path, 0o644);
    await truncate(path, 0);
    return false;
  },
  async "one bit flipped"(path) {
    await chmod(path, 0o644);
    const bytes = await readFile(path);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    await writeFile(path, bytes);
    return true;
  },
  async zeroed(path) {
    await chmod(path, 0o644);
    await writeFile(path, Buffer.alloc(SIZE));
    return true;
  },
  async "replaced by a symbolic link"(path) {
    await rename(path, `${path}.away`);
    await symlink(`${path}.away`, path);
    return false;
  },
  async "replaced by a directory"(path) {
    await rm(path);
    await mkdir(path);
    return false;
  },
};

/** The same for the files of names. */
const WRECKS: Readonly<Record<string, (path: string) => Promise<void>>> = {
  truncated: async (path) => truncate(path, 20),
  garbage: async (path) => writeFile(path, Buffer.alloc(8192, "garbage")),
  missing: async (path) => rm(path, { force: true }),
  async "a symbolic link"(path) {
    await rename(path, `${path}.away`);
    await symlink(`${path}.away`, path);
  },
  async "much too large"(path) {
    await using file = await open(path, "r+");
    await file.truncate(1024 * 1024 * 1024);
  },
};

const HERE = "team/damaged";
const OTHER = "team/sound";
const PLACE = { here: OTHER, there: "team/other", name: "damage" };

export const damage: Part = {
  name: "damage",
  about: "files that are cut, changed, zeroed or replaced behind the server's back",
  async run(context): Promise<Outcome> {
    const counts = { blobs: 0, repaired: 0, indexes: 0, catalogs: 0, checked: 0 };
    await damageBlobs(context, counts);
    for (const [what, wreck] of Object.entries(WRECKS)) {
      await wreckFile({ context, what, wreck, name: "team/damaged/index.json", counts });
      counts.indexes += 1;
      await wreckFile({ context, what, wreck, name: ".berth/catalog.db", counts });
      counts.catalogs += 1;
    }
    return { counts };
  },
};

/** Case 54: what can be seen is never served as whole, and a push repairs everything. */
async function damageBlobs(
  context: PartContext,
  counts: { blobs: number; repaired: number; checked: number },
): Promise<void> {
  const root = join(context.base, "blobs");
  await mkdir(root);
  await using server = await startServer(root);
  await using client = networkClient(server.url);
  const ledger = new Ledger();
  const session = new Session(client, ledger);
  await prepare(session, PLACE);
  for (const [what, spoil] of Object.entries(DAMAGE)) {
    const row = context.table.row("a blob is read and pushed again", `its file is ${what}`, SERVED);
    const part = blob(Buffer.alloc(SIZE, what));
    await session.blob(HERE, part);
    const before = session.acknowledged;
    row.points += 1;
    row.effective += 1;
    const keepsSize = await spoil(pathOf(root, HERE, part));
    counts.blobs += 1;
    await expectNotWhole(client, part, what, keepsSize, (message) => context.violation(message, row));
    const parts = image(what);
    for (const each of parts.blobs) await session.blob(HERE, each);
    await session.blob(HERE, part);
    const { bytes, status } = await client.say("GET", targetOf(part));
    if (status !== 200 || digestOf(bytes) !== part.descriptor.digest) {
      context.violation(`A blob that was ${what} is ${status} after it was pushed again`, row);
      continue;
    }
    counts.repaired += 1;
    await ledger.check(client);
    counts.checked += ledger.size;
    row.acknowledged = session.acknowledged - before;
    row.kept += ledger.size;
  }
}

async function expectNotWhole(
  client: Client,
  part: Piece,
  what: string,
  keepsSize: boolean,
  violation: (message: string) => void,
): Promise<void> {
  const { status, bytes } = await client.say("GET", targetOf(part));
  // A client compares; a file of the right size is found out by it and by the scrub.
  if (status === 200 && !keepsSize && digestOf(bytes) !== part.descriptor.digest) {
    violation(`A blob that was ${what} is served with ${bytes.length} bytes`);
  }
  if (status === 404) violation(`A blob that was ${what} is said not to be there`);
}

function targetOf(part: Piece): string {
  return `/v2/${HERE}/blobs/${part.descriptor.digest}`;
}

function pathOf(root: string, repository: string, part: Piece): string {
  return join(root, repository, "blobs", ...part.descriptor.digest.split(":"));
}

interface Wreck {
  readonly context: PartContext;
  readonly what: string;
  readonly wreck: (path: string) => Promise<void>;
  /** The file, from the root. */
  readonly name: string;
  readonly counts: { checked: number };
}

/** Case 55: what is damaged is told or mended, the others are served, and no tag is guessed. */
async function wreckFile({ context, what, wreck, name, counts }: Wreck): Promise<void> {
  const row = context.table.row("a start and reads", `${basename(name)} is ${what}`, SERVED);
  row.points += 1;
  row.effective += 1;
  const root = join(context.base, `${name.replaceAll("/", "-")} ${what}`);
  await mkdir(root);
  const sound = new Ledger();
  const damaged = new Ledger();
  const parts = image("damaged");
  {
    await using server = await startServer(root);
    await using client = networkClient(server.url);
    await prepare(new Session(client, sound), PLACE);
    const session = new Session(client, damaged);
    for (const each of parts.blobs) await session.blob(HERE, each);
    await session.tag(HERE, parts.manifest, "v1");
    await server.stop("SIGTERM");
  }
  await wreck(join(root, name));
  let started;
  try {
    started = await startServer(root);
  } catch (error) {
    const told = String(error);
    if (name.endsWith("index.json")) context.violation(`index.json ${what}: the others are not served: ${told}`, row);
    else if (!/catalog/i.test(told) || !/hint/.test(told))
      context.violation(`${name} ${what}: no clear word: ${told}`, row);
    return;
  }
  await using server = started;
  await using client = networkClient(server.url);
  try {
    await sound.check(client);
    await damaged.check(client);
    counts.checked += sound.size + damaged.size;
    row.kept += sound.size + damaged.size;
  } catch (error) {
    context.violation(`${name} ${what}: ${String(error)}`, row);
  }
}
