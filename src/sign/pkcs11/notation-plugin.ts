import { isOciError, OciError } from "../../error/oci-error.ts";
import { isJsonObject, type JsonObject, parseJson, shownJson } from "../../spec/json.ts";
import { Limits } from "../../spec/limits.ts";
import { decodeBase64, encodeBase64 } from "../base64.ts";
import { isNotarySignature, type NotaryAlgorithm, requireNotaryAlgorithm } from "../notation/algorithm.ts";
import { parseChain } from "../notation/certificate-file.ts";
import { readSmallFile } from "./small-file.ts";
import { Token } from "./token.ts";
import { findTokenKey, signOnToken, type TokenKey, type TokenScheme } from "./token-key.ts";
import { parsePkcs11Uri, type Pkcs11Uri } from "./uri.ts";

export interface PluginRun {
  /** What the host asks for, such as `describe-key`. */
  readonly command: string;
  /** JSON. */
  readonly request: Uint8Array;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of berth. */
  readonly version: string;
}

/** What the plug-in prints, and where it ends. */
export interface PluginAnswer {
  readonly exitCode: 0 | 1;
  /** For standard output where it went well, for standard error where not. */
  readonly document: JsonObject;
}

const NAME = "pkcs11";
const CONTRACT = "1.0";
/** `--plugin-config` of notation: which file the rest of the chain is in, and where the library and the PIN are. */
const SETTINGS = ["certificates", "module-path", "pin-source"];

/**
 * The plug-in `pkcs11` of notation (plugin-extensibility.md): signs with keys of tokens. A key's id is its PKCS #11
 * URI.
 */
export async function answerAsPlugin(run: PluginRun): Promise<PluginAnswer> {
  try {
    return { exitCode: 0, document: await answer(run) };
  } catch (error) {
    if (!isOciError(error)) throw error;
    const { code, message, hint } = error;
    const own = error.context.hint === undefined ? "" : `. ${hint}`;
    return { exitCode: 1, document: { errorCode: pluginCode(code), errorMessage: `${message}${own}` } };
  }
}

function pluginCode(code: OciError["code"]): string {
  if (code === "DENIED") return "ACCESS_DENIED";
  return code === "USAGE" || code === "FILE_INVALID" || code === "PROTOCOL" ? "VALIDATION_ERROR" : "ERROR";
}

async function answer({ command, request, env, version }: PluginRun): Promise<JsonObject> {
  if (command === "get-plugin-metadata") {
    return {
      name: NAME,
      description: "Signs with keys of PKCS #11 tokens",
      version,
      url: "https://www.npmjs.com/package/berth",
      supportedContractVersions: [CONTRACT],
      capabilities: ["SIGNATURE_GENERATOR.RAW"],
    };
  }
  if (command !== "describe-key" && command !== "generate-signature") {
    throw new OciError(
      "USAGE",
      `Expected get-plugin-metadata, describe-key or generate-signature, got ${shownJson(command)}`,
    );
  }
  const asked = parseRequest(request);
  const uri = settle(parsePkcs11Uri(asked.keyId), asked.config);
  const token = await Token.open(uri, { env });
  const key = await findTokenKey(token, uri, {});
  const algorithm = requireNotaryAlgorithm(key.publicKey, asked.keyId);
  if (command === "describe-key") return { keyId: asked.keyId, keySpec: algorithm.keySpec };
  requireSame("keySpec", asked.document["keySpec"], algorithm.keySpec);
  requireSame("hashAlgorithm", asked.document["hashAlgorithm"], algorithm.pluginHash);
  const payload = asked.document["payload"];
  const message = typeof payload === "string" ? decodeBase64(payload) : undefined;
  if (message === undefined) throw new OciError("USAGE", "Expected a payload in base64");
  const certificateChain = (await chainOf(key, asked.config["certificates"])).map(encodeBase64);
  const signature = await signOnToken(token, key, schemeOf(algorithm), message, {});
  if (!isNotarySignature(algorithm, message, key.publicKey, signature)) {
    throw new OciError("IO", "What the token signed does not verify with its public key");
  }
  return {
    keyId: asked.keyId,
    signature: encodeBase64(signature),
    signingAlgorithm: algorithm.signing,
    certificateChain,
  };
}

interface Asked {
  readonly document: JsonObject;
  readonly keyId: string;
  readonly config: Readonly<Record<string, string>>;
}

function parseRequest(bytes: Uint8Array): Asked {
  const document = parseJson(bytes, "request", "PROTOCOL");
  if (!isJsonObject(document)) throw new OciError("PROTOCOL", "Expected a JSON object on standard input");
  const { contractVersion, keyId, pluginConfig } = document;
  requireSame("contractVersion", contractVersion, CONTRACT);
  if (typeof keyId !== "string") throw new OciError("USAGE", "Expected a keyId: a PKCS #11 URI");
  const config: Record<string, string> = {};
  for (const [name, value] of Object.entries(isJsonObject(pluginConfig) ? pluginConfig : {})) {
    if (!SETTINGS.includes(name) || typeof value !== "string") {
      throw new OciError(
        "USAGE",
        `Expected ${SETTINGS.join(", ")} in the plug-in's configuration, got ${shownJson(name)}`,
      );
    }
    config[name] = value;
  }
  return { document, keyId, config };
}

/** What the configuration adds to a URI that does not say it. */
function settle(uri: Pkcs11Uri, config: Asked["config"]): Pkcs11Uri {
  const { "module-path": module, "pin-source": source } = config;
  return {
    ...(module === undefined ? {} : { module }),
    ...(source === undefined ? {} : { pinFile: source.replace(/^file:/, "") }),
    ...uri,
  };
}

function requireSame(name: string, got: unknown, expected: string): void {
  if (got === expected) return;
  throw new OciError("USAGE", `Expected ${name} ${expected}, got ${typeof got === "string" ? shownJson(got) : "none"}`);
}

/** The key's own certificate first, the root last: from a file, or the one on the token if nobody else issued it. */
async function chainOf({ publicKey, certificate }: TokenKey, file: string | undefined): Promise<readonly Uint8Array[]> {
  if (file !== undefined) {
    const chain = parseChain(await readSmallFile(file, Limits.certificates, `chain ${file}`), `chain ${file}`);
    if (chain[0]?.publicKey.equals(publicKey) === true) return chain.map(({ raw }) => raw);
    throw new OciError("FILE_INVALID", `The first certificate of ${file} is not that of the key`);
  }
  const hint = "Give the chain, the key's own first, with --plugin-config certificates=FILE";
  if (certificate === undefined)
    throw new OciError("FILE_INVALID", "The token has no certificate of the key", { hint });
  if (!certificate.publicKey.equals(publicKey)) {
    throw new OciError("FILE_INVALID", "The certificate on the token is of another key", { hint });
  }
  if (certificate.subject === certificate.issuer && certificate.verify(publicKey)) return [certificate.raw];
  throw new OciError("FILE_INVALID", "The token has the key's own certificate alone", { hint });
}

function schemeOf({ hash, signing }: NotaryAlgorithm): TokenScheme {
  return signing.startsWith("ECDSA") ? { kind: "ecdsa", hash, form: "p1363" } : { kind: "rsa-pss", hash };
}
