import { OciError } from "../error/oci-error.ts";
import { isJsonObject, parseJson } from "../spec/json.ts";
import { Limits } from "../spec/limits.ts";
import { serviceUrl } from "./service-url.ts";

/** Who takes part in signing by an identity. */
export interface SigningServices {
  /** The certificate authority: Fulcio. */
  readonly authority: string;
  /** Transparency logs: Rekor. */
  readonly logs: readonly LogService[];
  /** RFC 3161. */
  readonly timestamps: readonly string[];
}

export interface LogService {
  readonly url: string;
  /** Of its interface. */
  readonly version: 1 | 2;
}

/** Those that the public good instance runs, and cosign takes unless told otherwise. */
export const PUBLIC_SERVICES: SigningServices = {
  authority: "https://fulcio.sigstore.dev",
  logs: [{ url: "https://rekor.sigstore.dev", version: 1 }],
  timestamps: [],
};

/** What the interfaces have for versions that are spoken here. */
const NEWEST = { authority: 1, log: 2, timestamp: 1 } as const;

interface Entry {
  readonly url: string;
  readonly majorApiVersion: number;
  readonly operator: string;
  readonly validFor?: { readonly start?: Date | undefined; readonly end?: Date | undefined } | undefined;
}

/**
 * Reads a signing configuration (protobuf-specs, sigstore_trustroot.proto, version 0.2) and picks from it as it says:
 * of each operator the newest service that is in use and spoken here.
 * @param what names it in messages
 * @throws OciError FILE_INVALID, LIMIT_EXCEEDED, USAGE
 */
export async function parseSigningConfig(
  bytes: Uint8Array,
  what: string,
  now: Date = new Date(),
): Promise<SigningServices> {
  if (bytes.length > Limits.trustedRoot) {
    throw new OciError("LIMIT_EXCEEDED", `The ${what} has ${bytes.length} bytes, the limit is ${Limits.trustedRoot}`);
  }
  const document = parseJson(bytes, what, "FILE_INVALID");
  const invalid = (why: string): OciError => new OciError("FILE_INVALID", `Invalid ${what}: ${why}`);
  if (!isJsonObject(document)) throw invalid("expected a JSON object");
  const { SigningConfig, ServiceSelector } = await import("@sigstore/protobuf-specs");
  let config: ReturnType<typeof SigningConfig.fromJSON>;
  try {
    config = SigningConfig.fromJSON(document);
  } catch (cause) {
    throw new OciError("FILE_INVALID", `Invalid ${what}: it cannot be read`, { cause });
  }
  const usable = (entries: readonly Entry[], newest: number): readonly Entry[] => inUse(entries, newest, now);
  const [authority] = usable(config.caUrls, NEWEST.authority);
  if (authority === undefined) throw invalid("it names no certificate authority that can be used");
  const pick = (
    entries: readonly Entry[],
    rule: typeof config.rekorTlogConfig,
    newest: number,
    kind: string,
  ): readonly Entry[] => {
    if (rule === undefined) return [];
    const found = usable(entries, newest);
    const counts = new Map([
      [ServiceSelector.ALL, found.length],
      [ServiceSelector.EXACT, rule.count],
    ]);
    const wanted = counts.get(rule.selector) ?? 1;
    if (wanted >= 1 && found.length >= wanted) return found.slice(0, wanted);
    // None at all is what a configuration without services looks like.
    if (entries.length === 0 && rule.selector === ServiceSelector.SERVICE_SELECTOR_UNDEFINED) return [];
    throw invalid(`it asks for ${wanted} ${kind}, ${found.length} can be used`);
  };
  return {
    authority: serviceUrl(authority.url, "certificate authority"),
    logs: pick(config.rekorTlogUrls, config.rekorTlogConfig, NEWEST.log, "transparency logs").map(
      ({ url, majorApiVersion }) => ({
        url: serviceUrl(url, "transparency log"),
        version: majorApiVersion === 2 ? 2 : 1,
      }),
    ),
    timestamps: pick(config.tsaUrls, config.tsaConfig, NEWEST.timestamp, "timestamp authorities").map(({ url }) =>
      serviceUrl(url, "timestamp authority"),
    ),
  };
}

function inUse(entries: readonly Entry[], newest: number, now: Date): readonly Entry[] {
  const usable = entries.filter(
    ({ majorApiVersion, validFor }) =>
      majorApiVersion >= 1 &&
      majorApiVersion <= newest &&
      (validFor?.start === undefined || validFor.start <= now) &&
      (validFor?.end === undefined || validFor.end >= now),
  );
  const started = ({ validFor }: Entry): number => validFor?.start?.getTime() ?? 0;
  const sorted = usable.toSorted((a, b) => b.majorApiVersion - a.majorApiVersion || started(b) - started(a));
  const operators = new Set<string>();
  return sorted.filter(({ operator, url }) => {
    const name = operator === "" ? url : operator;
    return !operators.has(name) && operators.add(name);
  });
}
