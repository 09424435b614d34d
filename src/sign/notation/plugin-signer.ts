import type { OciError } from "../../error/oci-error.ts";
import type { Annotations } from "../../spec/descriptor.ts";
import { isJsonObject, type JsonObject, type JsonValue, shownJson } from "../../spec/json.ts";
import type { Signal } from "../../store/content.ts";
import { decodeBase64, encodeBase64 } from "../base64.ts";
import { SignatureMedia } from "../media.ts";
import { NOTARY_ALGORITHMS, type NotaryAlgorithm } from "./algorithm.ts";
import { AGENT, draftEnvelope } from "./certificate-signer.ts";
import { MAX_CHAIN, NOTARY_PAYLOAD_TYPE } from "./envelope.ts";
import type { Plugin } from "./plugin.ts";
import type { EnvelopeRequest, EnvelopeSigner } from "./sign-notation.ts";
import type { Timestamper } from "./timestamper.ts";

export interface PluginSignerOptions {
  readonly plugin: Plugin;
  /** What the plug-in calls the key. */
  readonly keyId: string;
  /** Handed to the plug-in as it is. */
  readonly config?: Readonly<Record<string, string>>;
  /** For plug-ins that give a bare signature; one that makes whole envelopes has its own. */
  readonly timestamper?: Timestamper;
}

const CONTRACT = "1.0";
const RAW = "SIGNATURE_GENERATOR.RAW";
const ENVELOPE = "SIGNATURE_GENERATOR.ENVELOPE";

/** What a plug-in gives back of one request. */
type Sealed = Awaited<ReturnType<EnvelopeSigner["seal"]>>;

/**
 * Signs by a plug-in of notation: one that gives bare signatures, or one that makes whole envelopes.
 * @throws OciError PROTOCOL for one that does neither, or is another than it says; DENIED
 */
export async function openPluginSigner(options: PluginSignerOptions, waits: Signal): Promise<EnvelopeSigner> {
  const { plugin, keyId, config = {} } = options;
  const metadata = await plugin.ask("get-plugin-metadata", { pluginConfig: config }, waits);
  const { name, supportedContractVersions: versions, capabilities } = metadata;
  if (name !== plugin.name) throw plugin.failure(`calls itself ${shownJson(name)}`);
  if (!includes(versions, CONTRACT))
    throw plugin.failure(`speaks the contract ${shownJson(versions)}, not ${CONTRACT}`);
  const description = `plug-in ${plugin.name}, key ${keyId}`;
  const request: JsonObject = { contractVersion: CONTRACT, keyId, pluginConfig: config };
  if (includes(capabilities, RAW)) {
    const algorithm = await describeKey(plugin, request, keyId, waits);
    return { description, seal: (asked, signal) => sealRaw(asked, algorithm, request, options, signal) };
  }
  if (includes(capabilities, ENVELOPE)) {
    return { description, seal: (asked, signal) => sealWhole(asked, request, plugin, signal) };
  }
  throw plugin.failure("does not sign");
}

function includes(value: JsonValue | undefined, wanted: string): boolean {
  return Array.isArray(value) && value.includes(wanted);
}

async function describeKey(
  plugin: Plugin,
  request: JsonObject,
  keyId: string,
  waits: Signal,
): Promise<NotaryAlgorithm> {
  const key = await plugin.ask("describe-key", request, waits);
  requireSame(plugin, key["keyId"], keyId, "the key");
  const algorithm = NOTARY_ALGORITHMS.find(({ keySpec }) => keySpec === key["keySpec"]);
  if (algorithm) return algorithm;
  throw plugin.failure(`has a key that notation does not sign with: ${shownJson(key["keySpec"])}`);
}

function requireSame(plugin: Plugin, got: JsonValue | undefined, expected: string, what: string): void {
  if (got !== expected) throw plugin.failure(`answered for ${what} ${shownJson(got)}, not ${shownJson(expected)}`);
}

async function sealRaw(
  { format, payload, signingTime, expiry }: EnvelopeRequest,
  algorithm: NotaryAlgorithm,
  request: JsonObject,
  { plugin, keyId, timestamper }: PluginSignerOptions,
  waits: Signal,
): Promise<Sealed> {
  const attributes = { scheme: "notary.x509", signingTime, ...(expiry === undefined ? {} : { expiry }) } as const;
  const draft = draftEnvelope(format, payload, attributes, algorithm);
  const answer = await plugin.ask(
    "generate-signature",
    {
      ...request,
      keySpec: algorithm.keySpec,
      hashAlgorithm: algorithm.pluginHash,
      payload: encodeBase64(draft.message),
    },
    waits,
  );
  requireSame(plugin, answer["keyId"], keyId, "the key");
  requireSame(plugin, answer["signingAlgorithm"], algorithm.signing, "the algorithm");
  const chain = answer["certificateChain"];
  if (!Array.isArray(chain) || chain.length === 0 || chain.length > MAX_CHAIN) {
    throw plugin.failure(`gave no chain of 1 to ${MAX_CHAIN} certificates`);
  }
  const certificates = (chain as readonly JsonValue[]).map((each) => requireBytes(plugin, each, "certificateChain"));
  const signature = requireBytes(plugin, answer["signature"], "signature");
  const timestamp = await timestamper?.stamp(signature, algorithm.hash, waits);
  const agent = `${AGENT} ${plugin.name}`;
  return {
    envelope: draft.seal({ signature, certificates, agent, ...(timestamp === undefined ? {} : { timestamp }) }),
  };
}

async function sealWhole(
  { format, payload, signingTime, expiry }: EnvelopeRequest,
  request: JsonObject,
  plugin: Plugin,
  waits: Signal,
): Promise<Sealed> {
  const type = format === "jws" ? SignatureMedia.Jws : SignatureMedia.Cose;
  const answer = await plugin.ask(
    "generate-envelope",
    {
      ...request,
      payload: encodeBase64(payload),
      payloadType: NOTARY_PAYLOAD_TYPE,
      signatureEnvelopeType: type,
      ...(expiry === undefined
        ? {}
        : { expiryDurationInSeconds: Math.floor((expiry.getTime() - signingTime.getTime()) / 1000) }),
    },
    waits,
  );
  requireSame(plugin, answer["signatureEnvelopeType"], type, "the type");
  const { annotations = {} } = answer;
  if (!isJsonObject(annotations) || !Object.values(annotations).every((value) => typeof value === "string")) {
    throw invalidAnswer(plugin, "annotations");
  }
  return {
    envelope: requireBytes(plugin, answer["signatureEnvelope"], "signatureEnvelope"),
    annotations: annotations as Annotations,
  };
}

function requireBytes(plugin: Plugin, value: JsonValue | undefined, what: string): Uint8Array {
  const bytes = typeof value === "string" ? decodeBase64(value) : undefined;
  if (bytes && bytes.length > 0) return bytes;
  throw invalidAnswer(plugin, what);
}

function invalidAnswer(plugin: Plugin, what: string): OciError {
  return plugin.failure(`gave no ${what} that can be read`);
}
