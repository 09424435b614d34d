/** A TUF repository on loopback with one target, signed by one key; what it serves may be changed. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const YEAR = 365 * 86_400_000;

export interface TufRepository extends AsyncDisposable {
  readonly url: string;
  /** The first root, which has to be known beforehand. */
  readonly root: Buffer;
  readonly requests: string[];
  /** Paths to what lies there. */
  readonly files: Map<string, Buffer>;
  /** Signs a new version of everything but the root. */
  publish(target: Buffer, options?: { version?: number; expires?: Date; key?: KeyObject }): void;
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Sorted keys, no spaces: what the signatures are over. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`).join(",")}}`;
}

export async function openTufRepository(target: Buffer): Promise<TufRepository> {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const spki = publicKey.export({ format: "der", type: "spki" });
  const shown = { keytype: "ed25519", scheme: "ed25519", keyval: { public: spki.subarray(-32).toString("hex") } };
  const keyId = sha256(Buffer.from(canonical(shown)));
  const files = new Map<string, Buffer>();
  const requests: string[] = [];
  const sealed = (content: object, key: KeyObject): Buffer => {
    const signed = { spec_version: "1.0.0", ...content };
    const sig = sign(null, Buffer.from(canonical(signed)), key).toString("hex");
    return Buffer.from(JSON.stringify({ signed, signatures: [{ keyid: keyId, sig }] }));
  };
  const role = { keyids: [keyId], threshold: 1 };
  const root = sealed(
    {
      _type: "root",
      version: 1,
      expires: new Date(Date.now() + YEAR).toISOString(),
      consistent_snapshot: true,
      keys: { [keyId]: shown },
      roles: { root: role, timestamp: role, snapshot: role, targets: role },
    },
    privateKey,
  );
  const server = createServer((request, response) => {
    const path = (request.url ?? "").slice(1);
    requests.push(path);
    const file = files.get(path);
    if (file) response.end(file);
    else response.writeHead(404).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const publish: TufRepository["publish"] = (
    bytes,
    { version = 1, expires = new Date(Date.now() + YEAR), key = privateKey } = {},
  ) => {
    const head = { version, expires: expires.toISOString() };
    const targets = sealed(
      {
        _type: "targets",
        ...head,
        targets: { "trusted_root.json": { length: bytes.length, hashes: { sha256: sha256(bytes) } } },
      },
      key,
    );
    const snapshot = sealed({ _type: "snapshot", ...head, meta: { "targets.json": { version } } }, key);
    const timestamp = sealed({ _type: "timestamp", ...head, meta: { "snapshot.json": { version } } }, key);
    files.set("timestamp.json", timestamp);
    files.set(`${version}.snapshot.json`, snapshot);
    files.set(`${version}.targets.json`, targets);
    files.set(`targets/${sha256(bytes)}.trusted_root.json`, bytes);
  };
  publish(target);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    root,
    requests,
    files,
    publish,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
