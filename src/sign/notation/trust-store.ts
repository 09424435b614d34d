import { constants } from "node:fs";
import { lstat, open, readdir } from "node:fs/promises";
import { extname, join } from "node:path";
import { OciError } from "../../error/oci-error.ts";
import { Limits } from "../../spec/limits.ts";
import { isIssuedBy } from "./chain.ts";
import { type Certificate, parseCertificate } from "./certificate.ts";
import { parseCertificates } from "./certificate-file.ts";

export type TrustStoreType = "ca" | "signingAuthority" | "tsa";

/** Root certificates under names, by what they are trusted for. */
export interface TrustStore {
  /** @throws OciError FILE_INVALID where there is no such store or something in it is no certificate of a root */
  certificates(type: TrustStoreType, name: string): Promise<readonly Certificate[]>;
}

const EXTENSIONS: readonly string[] = [".pem", ".crt", ".cer"];

/** A trust store of certificates at hand; for programs and tests. */
export function createTrustStore(
  stores: Readonly<Partial<Record<TrustStoreType, Readonly<Record<string, readonly Uint8Array[]>>>>>,
): TrustStore {
  return {
    async certificates(type, name) {
      const named = stores[type];
      const found = named && Object.hasOwn(named, name) ? named[name] : undefined;
      if (!found) throw missing(`${type}:${name}`);
      return found.map((bytes) => requireRoot(parseCertificate(bytes, `certificate of ${type}:${name}`)));
    },
  };
}

/**
 * A trust store directory of notation (trust-store-trust-policy.md, "Trust Store"), read when it is asked for and
 * each store once: `x509/ca/NAME/*.crt`. No link is followed, and folders inside a store are left alone.
 * @param directory the one that has `x509` in it
 */
export function openTrustStore(directory: string): TrustStore {
  const known = new Map<string, Promise<readonly Certificate[]>>();
  return {
    certificates(type, name) {
      const key = `${type}:${name}`;
      const loading = known.get(key) ?? load(join(directory, "x509", type, name), key);
      known.set(key, loading);
      return loading;
    },
  };
}

function missing(key: string): OciError {
  return new OciError("FILE_INVALID", `There is no trust store ${key}`, {
    hint: "Add certificates to it with: notation certificate add, or as files under x509/",
  });
}

async function load(folder: string, key: string): Promise<readonly Certificate[]> {
  const stats = await lstat(folder).catch((cause: unknown) => {
    throw isMissing(cause) ? missing(key) : cause;
  });
  if (!stats.isDirectory()) throw new OciError("FILE_INVALID", `The trust store ${key} is no directory`);
  const entries = await readdir(folder, { withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory() && EXTENSIONS.includes(extname(entry.name)));
  if (files.length > Limits.trustStoreFiles) {
    throw new OciError("LIMIT_EXCEEDED", `The trust store ${key} has more than ${Limits.trustStoreFiles} files`);
  }
  const certificates: Certificate[] = [];
  for (const { name } of files.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const what = `certificate ${name} of the trust store ${key}`;
    const found = parseCertificates(await readWithoutLinks(join(folder, name), what), what);
    certificates.push(...found.map(requireRoot));
  }
  if (certificates.length === 0) throw missing(key);
  return certificates;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

async function readWithoutLinks(path: string, what: string): Promise<Uint8Array> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (cause: unknown) => {
      throw new OciError("FILE_INVALID", `The ${what} cannot be read; links are not followed`, { cause });
    },
  );
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new OciError("FILE_INVALID", `The ${what} is no regular file`);
    if (stats.size > Limits.certificates) {
      throw new OciError("LIMIT_EXCEEDED", `The ${what} has ${stats.size} bytes, the limit is ${Limits.certificates}`);
    }
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/** A certificate of somebody else's in a store of roots would trust less, or more, than it seems to. */
function requireRoot(certificate: Certificate): Certificate {
  if (certificate.basicConstraints?.ca === true || isIssuedBy(certificate, certificate)) return certificate;
  throw new OciError(
    "FILE_INVALID",
    `The certificate ${certificate.subject} in a trust store is neither an authority's nor self-signed`,
  );
}
