import { OciError } from "../error/oci-error.ts";
import type { TokenSource } from "../sign/identity-token.ts";
import type { KeylessSigner } from "../sign/keyless-signer.ts";
import type { SigningServices } from "../sign/signing-services.ts";
import { Limits } from "../spec/limits.ts";
import type { Context } from "./context.ts";
import { readInput } from "./input.ts";
import { flag, list, type Option, type OptionValues, text } from "./option.ts";

/** How to sign as somebody instead of with a key. */
export const keyless: {
  readonly keyless: Option<boolean>;
  readonly identityToken: Option<string | undefined>;
  readonly fulcioUrl: Option<string | undefined>;
  readonly rekorUrl: Option<string | undefined>;
  readonly timestampServerUrl: Option<readonly string[]>;
  readonly tlogUpload: Option<boolean>;
  readonly signingConfig: Option<string | undefined>;
} = {
  keyless: flag(
    "--keyless",
    "instead of --key: sign as whom an OpenID token names; who signed what is public for ever in Sigstore's log",
  ),
  identityToken: text(
    "--identity-token <file>",
    "the token: a file, - or env://NAME (default: SIGSTORE_ID_TOKEN, or that of a GitHub Actions job)",
    "file",
  ),
  fulcioUrl: text("--fulcio-url <url>", "the certificate authority (default: Sigstore's public one)"),
  rekorUrl: text("--rekor-url <url>", "the transparency log (default: Sigstore's public one)"),
  timestampServerUrl: list("--timestamp-server-url <url>", "an RFC 3161 timestamp authority (may be repeated)"),
  tlogUpload: flag("--no-tlog-upload", "tell no transparency log; needs a timestamp authority"),
  signingConfig: text("--signing-config <file>", "the services as a Sigstore signing configuration", "file"),
};

export type KeylessValues = OptionValues<typeof keyless>;

const ENVIRONMENT = "env://";
const TOKEN_VARIABLE = "SIGSTORE_ID_TOKEN";

/** What only makes sense without a key, as far as it was given. */
export function keylessGiven(options: KeylessValues): readonly string[] {
  return [
    ...(options.keyless ? ["--keyless"] : []),
    ...(options.identityToken === undefined ? [] : ["--identity-token"]),
    ...(options.fulcioUrl === undefined ? [] : ["--fulcio-url"]),
    ...(options.rekorUrl === undefined ? [] : ["--rekor-url"]),
    ...(options.timestampServerUrl.length === 0 ? [] : ["--timestamp-server-url"]),
    ...(options.tlogUpload ? [] : ["--no-tlog-upload"]),
    ...(options.signingConfig === undefined ? [] : ["--signing-config"]),
  ];
}

/** @throws OciError USAGE where there is no token, FILE_INVALID, and what getting one throws */
export async function openKeylessSigner(options: KeylessValues, context: Context): Promise<KeylessSigner> {
  const { createKeylessSigner } = await import("../sign/keyless-signer.ts");
  const services = await servicesOf(options, context);
  return createKeylessSigner({ token: await tokenSource(options, context), services }, { signal: context.signal });
}

async function servicesOf(options: KeylessValues, context: Context): Promise<SigningServices> {
  const [{ parseSigningConfig, PUBLIC_SERVICES }, { serviceUrl }] = await Promise.all([
    import("../sign/signing-services.ts"),
    import("../sign/service-url.ts"),
  ]);
  const { fulcioUrl, rekorUrl, timestampServerUrl, tlogUpload, signingConfig: file } = options;
  const given =
    file === undefined
      ? PUBLIC_SERVICES
      : await parseSigningConfig(
          await readInput(file, Limits.trustedRoot, "signing configuration", context),
          `signing configuration ${file}`,
        );
  const logs =
    rekorUrl === undefined ? given.logs : [{ url: serviceUrl(rekorUrl, "transparency log"), version: 1 as const }];
  return {
    authority: fulcioUrl === undefined ? given.authority : serviceUrl(fulcioUrl, "certificate authority"),
    logs: tlogUpload ? logs : [],
    timestamps:
      timestampServerUrl.length === 0
        ? given.timestamps
        : timestampServerUrl.map((url) => serviceUrl(url, "timestamp authority")),
  };
}

async function tokenSource({ identityToken: reference }: KeylessValues, context: Context): Promise<TokenSource> {
  const { env } = context;
  if (reference !== undefined) {
    const token = await readToken(reference, context);
    return async () => token;
  }
  const given = env[TOKEN_VARIABLE];
  if (given !== undefined && given !== "") return async () => given;
  const [url, bearer] = [env["ACTIONS_ID_TOKEN_REQUEST_URL"], env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]];
  if (url !== undefined && url !== "" && bearer !== undefined && bearer !== "") {
    const { actionsTokens } = await import("../sign/actions-token.ts");
    return actionsTokens({ url, bearer });
  }
  throw new OciError("USAGE", "Expected an identity token, there is none", {
    hint: `Give --identity-token or ${TOKEN_VARIABLE}; a job of GitHub Actions needs the permission id-token: write`,
  });
}

async function readToken(reference: string, context: Context): Promise<string> {
  if (reference.startsWith(ENVIRONMENT)) {
    const name = reference.slice(ENVIRONMENT.length);
    const value = context.env[name];
    if (value !== undefined && value !== "") return value;
    throw new OciError("USAGE", `Expected an identity token in the environment variable ${name}, it is not set`);
  }
  // cosign takes the token itself here, where every process of the machine can read it.
  if (/^[\w-]{10,}\.[\w-]{10,}\.[\w-]*$/.test(reference)) {
    throw new OciError("USAGE", "Expected a file with the identity token, got the token itself", {
      hint: `Others can read command lines: put it into a file or into ${TOKEN_VARIABLE}`,
    });
  }
  return Buffer.from(await readInput(reference, Limits.identityToken, "identity token", context)).toString("utf8");
}
