/**
 * Sigstore's services on loopback: the mock's certificate authority, certificate log, transparency log and timestamp
 * authority behind a real server, and the trusted root that names them. The log writes down what a real Rekor writes,
 * not what it was sent.
 */
import { createHash, generateKeyPairSync, type KeyObject } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import {
  fulcioHandler,
  initializeCA,
  initializeCTLog,
  initializeTLog,
  initializeTSA,
  rekorHandler,
  tsaHandler,
} from "@sigstore/mock";
import { logEntry2 } from "./rekor-2.ts";

const SECOND = 1000;

export interface ServicesOptions {
  /** What the certificate authority takes for now; certificates are valid for 10 minutes. */
  readonly issuedAt?: Date;
  /** Certificates are told to no certificate log. */
  readonly unlogged?: boolean;
}

interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

interface Answered {
  readonly statusCode: number;
  readonly response: string | ArrayBufferView<ArrayBuffer>;
  readonly contentType?: string;
  /** The name of what was made. */
  readonly etag?: string;
}

/** What a service says to a body, and to the token in the header. */
type Answer = (body: string, token: string) => Promise<Answered>;

/** A document that names whom to trust; each list may be changed. */
export interface TrustedRootDocument {
  readonly mediaType: string;
  readonly tlogs: readonly TrustedLog[];
  readonly certificateAuthorities: readonly TrustedAuthority[];
  readonly ctlogs: readonly TrustedLog[];
  readonly timestampAuthorities: readonly TrustedAuthority[];
}

interface TrustedLog {
  readonly publicKey: { readonly rawBytes: string; readonly [more: string]: unknown };
  readonly [more: string]: unknown;
}

interface TrustedAuthority {
  readonly certChain: { readonly certificates: readonly { readonly rawBytes: string }[] };
  readonly [more: string]: unknown;
}

/** Running services; disposing stops them. */
export interface SigstoreServices extends AsyncDisposable {
  readonly url: string;
  readonly root: TrustedRootDocument;
  readonly rootBytes: Buffer;
  /** Bodies that came, by path. */
  readonly requests: { readonly path: string; readonly body: string }[];
}

function keyPair(): KeyPair {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

/** A token of nobody's: the mock takes every one. */
export function tokenOf(subject: string, claims: Record<string, unknown> = {}): string {
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(Date.now() / SECOND) + 600;
  const payload = { iss: ISSUER, sub: subject, aud: "sigstore", exp, ...claims };
  return `${encode({ alg: "ES256" })}.${encode(payload)}.c2lnbmVk`;
}

export const ISSUER = "https://token.example.com";

const sha256 = (data: Uint8Array | string): string => createHash("sha256").update(data).digest("hex");

/** What Rekor makes of an entry of type dsse that is proposed to it (rekor, pkg/types/dsse/v0.0.1). */
function canonical(proposed: string): string {
  const entry = JSON.parse(proposed) as {
    kind: string;
    apiVersion: string;
    spec: { proposedContent: { envelope: string; verifiers: string[] } };
  };
  if (entry.kind !== "dsse") return proposed;
  const { envelope: text, verifiers } = entry.spec.proposedContent;
  const envelope = JSON.parse(text) as { payload: string; signatures: { sig: string }[] };
  return JSON.stringify({
    apiVersion: entry.apiVersion,
    kind: entry.kind,
    spec: {
      envelopeHash: { algorithm: "sha256", value: sha256(text) },
      payloadHash: { algorithm: "sha256", value: sha256(Buffer.from(envelope.payload, "base64")) },
      signatures: envelope.signatures.map(({ sig }, at) => ({ signature: sig, verifier: verifiers[at] })),
    },
  });
}

/** An entry is named by the hash of its leaf (RFC 6962, 2.1), which cosign checks. */
function named(answer: string): Pick<Answered, "response" | "etag"> {
  const [entry] = Object.values(JSON.parse(answer) as Record<string, { body: string }>);
  const etag = sha256(Buffer.concat([Buffer.of(0), Buffer.from(entry?.body ?? "", "base64")]));
  return { response: JSON.stringify({ [etag]: entry }), etag };
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView<ArrayBuffer>): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function listening(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  return once(server, "listening").then(() => `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

export async function openServices({ issuedAt, unlogged = false }: ServicesOptions = {}): Promise<SigstoreServices> {
  const requests: { path: string; body: string }[] = [];
  const routes = new Map<string, Answer>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const [path = "", body] = [request.url, Buffer.concat(chunks).toString()];
      requests.push({ path, body });
      const answer = routes.get(path);
      const token = request.headers.authorization?.replace(/^Bearer /, "") ?? "";
      if (!answer) return void response.writeHead(404).end();
      void answer(body, token).then(({ statusCode, response: content, contentType = "text/plain", etag }) => {
        response.writeHead(statusCode, { "content-type": contentType, ...(etag === undefined ? {} : { etag }) });
        response.end(typeof content === "string" ? content : bytesOf(content));
      });
    });
  });
  const url = await listening(server);
  const [authorityKey, certificateLogKey, logKey, clockKey] = [keyPair(), keyPair(), keyPair(), keyPair()];
  const certificateLog = await initializeCTLog(certificateLogKey, issuedAt);
  const authority = await initializeCA(authorityKey, unlogged ? undefined : certificateLog, issuedAt);
  const log = await initializeTLog(url, logKey);
  // The mock writes fractions of a second without their last zero, as DER has it, and Sigstore's parser wants three digits.
  const clock = new Date();
  const timestamps = await initializeTSA(clockKey, clock);
  const fulcio = fulcioHandler(authority);
  // cosign 3 sends the token in the header; cosign 2 speaks an older interface as well.
  const certify = async (body: string, token: string): Promise<Answered> => {
    const request = { credentials: { oidcIdentityToken: token }, ...(JSON.parse(body) as object) };
    const answer = await fulcio.fn(JSON.stringify(request));
    return answer.statusCode === 201 ? { ...answer, statusCode: 200 } : answer;
  };
  routes.set(fulcio.path, certify);
  routes.set("/api/v1/signingCert", async (body, token) => {
    const { publicKey } = JSON.parse(body) as { publicKey: { content: string } };
    const content = Buffer.from(publicKey.content, "base64").toString();
    const answer = await certify(JSON.stringify({ publicKeyRequest: { publicKey: { content } } }), token);
    if (answer.statusCode !== 200 || typeof answer.response !== "string") return answer;
    const issued = JSON.parse(answer.response) as {
      signedCertificateEmbeddedSct: { chain: { certificates: string[] } };
    };
    const response = issued.signedCertificateEmbeddedSct.chain.certificates.join("");
    return { statusCode: 201, response, contentType: "application/pem-certificate-chain" };
  });
  const tsa = tsaHandler(timestamps);
  routes.set(tsa.path, (body) => {
    clock.setTime(Math.floor(Date.now() / SECOND) * SECOND);
    return tsa.fn(body);
  });
  const rekor = rekorHandler(log);
  routes.set("/api/v2/log/entries", async (body) => {
    const response = await logEntry2(body, async (entry) => JSON.stringify(await log.log(JSON.parse(entry))));
    return { statusCode: 201, response, contentType: "application/json" };
  });
  routes.set(rekor.path, async (body) => {
    const answer = await rekor.fn(canonical(body));
    return typeof answer.response === "string" && answer.statusCode === 201
      ? { ...answer, ...named(answer.response) }
      : answer;
  });

  const der = (key: KeyObject): Buffer => key.export({ format: "der", type: "spki" });
  const logOf = ({ publicKey }: KeyPair, baseUrl: string): TrustedLog => ({
    baseUrl,
    hashAlgorithm: "SHA2_256",
    publicKey: {
      rawBytes: der(publicKey).toString("base64"),
      keyDetails: "PKIX_ECDSA_P256_SHA_256",
      validFor: { start: "2000-01-01T00:00:00Z" },
    },
    logId: { keyId: createHash("sha256").update(der(publicKey)).digest("base64") },
  });
  const authorityOf = (uri: string, certificates: readonly ArrayBufferView<ArrayBuffer>[]): TrustedAuthority => ({
    subject: { organization: "sigstore.mock", commonName: "sigstore" },
    uri,
    certChain: { certificates: certificates.map((each) => ({ rawBytes: bytesOf(each).toString("base64") })) },
    validFor: { start: "2000-01-01T00:00:00Z" },
  });
  const root: TrustedRootDocument = {
    mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    tlogs: [logOf(logKey, url)],
    certificateAuthorities: [authorityOf(url, [authority.rootCertificate])],
    ctlogs: [logOf(certificateLogKey, `${url}/ct`)],
    timestampAuthorities: [authorityOf(url, [timestamps.intCertificate, timestamps.rootCertificate])],
  };
  return {
    url,
    root,
    rootBytes: Buffer.from(JSON.stringify(root)),
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
