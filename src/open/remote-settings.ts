import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { OciError } from "../error/oci-error.ts";
import { staticCredentials } from "../remote/credential.ts";
import type { HostSettings } from "../remote/hosts.ts";
import { canonicalHost } from "../remote/origin.ts";
import type { Connections } from "./connections.ts";
import type { OpenOptions } from "./open-options.ts";

/**
 * How to reach a registry, from what the user said.
 * @throws OciError FILE_INVALID when the certificate file cannot be read
 */
export async function remoteSettings(
  host: string,
  options: OpenOptions,
  connections: Connections,
): Promise<HostSettings> {
  const { credentials, plainHttp, insecure, caFile, onEvent } = options;
  const ca = caFile === undefined ? undefined : await readCertificates(caFile, options.cwd);
  const tls = { ...(ca === undefined ? {} : { ca }), ...(insecure ? { insecure } : {}) };
  return {
    host,
    credentials:
      credentials === undefined ? connections.stored(options) : staticCredentials(canonicalHost(host), credentials),
    // Absent, a loopback host is spoken to in plain HTTP; false would say never.
    ...(plainHttp ? { plainHttp } : {}),
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
    ...(onEvent === undefined ? {} : { onEvent }),
  };
}

async function readCertificates(file: string, cwd: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(resolve(cwd, file), "utf8");
  } catch (cause) {
    throw new OciError("FILE_INVALID", `Cannot read the certificates in ${file}`, { cause });
  }
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new OciError("FILE_INVALID", `Expected certificates in PEM form in ${file}`);
}
