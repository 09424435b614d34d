import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { OciError } from "../error/oci-error.ts";
import type { EnvelopeSigner } from "../sign/notation/sign-notation.ts";
import type { Timestamper } from "../sign/notation/timestamper.ts";
import { Limits } from "../spec/limits.ts";
import type { Context } from "./context.ts";
import { readInput, resolvePath } from "./input.ts";
import { keylessGiven, type KeylessValues } from "./keyless-options.ts";
import { readPrivateKey } from "./key-reference.ts";
import { notationDirectory, notationGiven, type NotationValues } from "./notation-options.ts";

/** Plug-ins that come with berth; the same path from src/cli and from dist/cli. */
const SHIPPED = fileURLToPath(new URL("../../bin/plugins", import.meta.url));

type SigningValues = NotationValues &
  KeylessValues & { readonly key: string | undefined; readonly storage: string | undefined };

/**
 * The signer of notation that a command line asks for: a key with certificates, or a plug-in.
 * @returns undefined where it asks for another kind of signature
 * @throws OciError USAGE for options that do not go together, FILE_INVALID, and what the plug-in throws
 */
export async function openEnvelopeSigner(
  options: SigningValues,
  context: Context,
): Promise<EnvelopeSigner | undefined> {
  const { certificate, plugin, key, storage, timestampServerUrl } = options;
  const [given] = notationGiven(options);
  if (given === undefined) return undefined;
  if (certificate === undefined && plugin === undefined) {
    throw new OciError("USAGE", `Expected --certificate or --plugin with ${given}`, {
      hint: "notation signs with an X.509 certificate: --key KEY --certificate CHAIN, or --plugin NAME --key-id ID",
    });
  }
  if (storage === "tag") throw new OciError("USAGE", "Expected --storage referrer: notation has no tags");
  const [stray] = keylessGiven({ ...options, timestampServerUrl: [] });
  if (stray !== undefined) throw new OciError("USAGE", `Expected either ${stray} or ${given}, got both`);
  const timestamper = await openTimestamper(timestampServerUrl);
  if (plugin !== undefined) return openPlugin(plugin, options, timestamper, context);
  const { keyId, pluginDirectory } = options;
  if (keyId !== undefined || pluginDirectory !== undefined) {
    throw new OciError("USAGE", `Expected --plugin with ${keyId === undefined ? "--plugin-directory" : "--key-id"}`);
  }
  if (certificate === undefined || key === undefined) throw new OciError("USAGE", "Expected --key with --certificate");
  const [{ createCertificateSigner }, { parseChain }] = await Promise.all([
    import("../sign/notation/certificate-signer.ts"),
    import("../sign/notation/certificate-file.ts"),
  ]);
  const bytes = await readInput(certificate, Limits.certificates, "certificate", context);
  return createCertificateSigner({
    chain: parseChain(bytes, `certificate ${certificate}`),
    privateKey: await readPrivateKey(key, context),
    label: key,
    ...timestamper,
  });
}

async function openTimestamper(
  urls: readonly string[],
): Promise<{ readonly timestamper: Timestamper } | Record<string, never>> {
  const [url, ...more] = urls;
  if (url === undefined) return {};
  if (more.length > 0) throw new OciError("USAGE", "Expected one --timestamp-server-url: notation keeps one timestamp");
  const [{ createTimestamper }, { serviceUrl }] = await Promise.all([
    import("../sign/notation/timestamper.ts"),
    import("../sign/service-url.ts"),
  ]);
  return { timestamper: createTimestamper(serviceUrl(url, "timestamp authority")) };
}

async function openPlugin(
  name: string,
  options: SigningValues,
  timestamper: { readonly timestamper?: Timestamper },
  context: Context,
): Promise<EnvelopeSigner> {
  const { key, certificate, keyId, pluginConfig: config, pluginDirectory } = options;
  if (key !== undefined || certificate !== undefined) {
    throw new OciError("USAGE", "Expected either --plugin, which has the key and its certificates, or --key");
  }
  if (keyId === undefined) throw new OciError("USAGE", "Expected --key-id with --plugin");
  const own = notationDirectory(context);
  const directory = pluginDirectory === undefined ? own && join(own, "plugins") : resolvePath(pluginDirectory, context);
  const [{ Plugin }, { openPluginSigner }] = await Promise.all([
    import("../sign/notation/plugin.ts"),
    import("../sign/notation/plugin-signer.ts"),
  ]);
  const plugin = await Plugin.find(name, {
    directories: [...(directory === undefined ? [] : [directory]), SHIPPED],
    env: context.env,
  });
  return openPluginSigner({ plugin, keyId, config, ...timestamper }, { signal: context.signal });
}
