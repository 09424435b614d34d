import { join } from "node:path";
import { OciError } from "../error/oci-error.ts";
import type { EnvelopeFormat } from "../sign/notation/envelope.ts";
import type { Context } from "./context.ts";
import { choice, duration, keyValues, type Option, type OptionValues, text } from "./option.ts";

/** How to sign as notation does. */
export const notation: {
  readonly certificate: Option<string | undefined>;
  readonly signatureFormat: Option<EnvelopeFormat | undefined>;
  readonly expiry: Option<number | undefined>;
  readonly plugin: Option<string | undefined>;
  readonly keyId: Option<string | undefined>;
  readonly pluginConfig: Option<Readonly<Record<string, string>>>;
  readonly pluginDirectory: Option<string | undefined>;
} = {
  certificate: text(
    "--certificate <file>",
    "sign as notation does: the X.509 certificates of --key in PEM, its own first, the root last",
    "file",
  ),
  signatureFormat: choice("--signature-format <format>", "of a notation signature (default: jws)", ["jws", "cose"]),
  expiry: duration("--expiry <time>", "how long a notation signature counts, such as 24h (default: for ever)"),
  plugin: text("--plugin <name>", "sign as notation does, by its plug-in of that name; with --key-id"),
  keyId: text("--key-id <id>", "what the plug-in calls the key"),
  pluginConfig: keyValues("--plugin-config <key=value>", "handed to the plug-in as it is (may be repeated)"),
  pluginDirectory: text(
    "--plugin-directory <directory>",
    "where plug-ins lie, as NAME/notation-NAME (default: notation's own)",
    "directory",
  ),
};

export type NotationValues = OptionValues<typeof notation>;

/** Whom to trust, as notation's files say it. */
export const notationTrust: {
  readonly trustPolicy: Option<string | undefined>;
  readonly trustStore: Option<string | undefined>;
  readonly scope: Option<string | undefined>;
} = {
  trustPolicy: text(
    "--trust-policy <file>",
    "notation's trust policy, for notation signatures (default, where no key or identity is given: notation's own)",
    "file",
  ),
  trustStore: text(
    "--trust-store <directory>",
    "notation's trust store, the directory that has x509 in it (default: notation's own)",
    "directory",
  ),
  scope: text(
    "--scope <repository>",
    "the repository, with its host, that the trust policy sees (default: where it lies; a layout has none)",
  ),
};

export type NotationTrustValues = OptionValues<typeof notationTrust>;

/** What only makes sense for signatures of notation, as far as it was given. */
export function notationGiven(options: NotationValues): readonly string[] {
  return [
    ...(options.certificate === undefined ? [] : ["--certificate"]),
    ...(options.plugin === undefined ? [] : ["--plugin"]),
    ...(options.signatureFormat === undefined ? [] : ["--signature-format"]),
    ...(options.expiry === undefined ? [] : ["--expiry"]),
    ...(options.keyId === undefined ? [] : ["--key-id"]),
    ...(Object.keys(options.pluginConfig).length === 0 ? [] : ["--plugin-config"]),
    ...(options.pluginDirectory === undefined ? [] : ["--plugin-directory"]),
  ];
}

/** Where notation keeps its files; undefined where there is no home. */
export function notationDirectory({ env, home }: Context): string | undefined {
  const { NOTATION_CONFIG: own, XDG_CONFIG_HOME: config } = env;
  if (own !== undefined && own !== "") return own;
  if (config !== undefined && config !== "") return join(config, "notation");
  return home === undefined ? undefined : join(home, ".config", "notation");
}

/** A plain file's signature is none of notation's. @throws OciError USAGE */
export function refuseNotationTrust({ trustPolicy, trustStore, scope }: NotationTrustValues): void {
  if (trustPolicy === undefined && trustStore === undefined && scope === undefined) return;
  throw new OciError("USAGE", "Expected no trust policy of notation with --file: it is for subjects");
}
