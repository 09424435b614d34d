import { isJsonObject, type JsonObject, type JsonValue } from "../spec/json.ts";
import { Limits } from "../spec/limits.ts";
import type { SbomFormat } from "./evidence-rules.ts";
import { isCycloneDx, requireVersion } from "./read-cyclonedx.ts";
import { needText, objectIn, objectsIn, textIn, tooMany, unreadable } from "./report.ts";

/** A part of what an SBOM lists. */
export interface Component {
  readonly name: string;
  readonly version?: string;
  /** SPDX expressions, ids or names; all of them hold. Empty: nobody knows. */
  readonly licenses: readonly string[];
}

export interface Sbom {
  readonly format: SbomFormat;
  readonly components: readonly Component[];
}

/**
 * Reads an SBOM in JSON, by what the document itself says that it is.
 * @returns undefined for what is no SBOM that berth knows
 * @throws OciError MANIFEST_INVALID, LIMIT_EXCEEDED for one that cannot be read
 */
export function readSbom(document: JsonObject): Sbom | undefined {
  if (document["spdxVersion"] !== undefined) return readSpdx(document);
  if (isCycloneDx(document)) return readCycloneDx(document);
  const { descriptor, artifacts } = document;
  if (Array.isArray(artifacts) && isJsonObject(descriptor) && descriptor["name"] === "syft") return readSyft(document);
  return undefined;
}

const NOTHING: readonly unknown[] = ["NOASSERTION", "NONE", "", undefined];

/** SPDX 2.2 and 2.3 (2.3, section 7, "Package Information"). */
function readSpdx(document: JsonObject): Sbom {
  const what = "SPDX document";
  if (!/^SPDX-2\.\d$/.test(needText(document, "spdxVersion", what, "it")))
    throw unreadable(what, "spdxVersion must be SPDX-2.x");
  const described = documentDescribes(document);
  const packages = objectsIn(document["packages"], what, "packages");
  return {
    format: "spdx",
    components: packages
      // What the document is about is the image itself, which has no licence of its own.
      .filter((each) => !described.has(each["SPDXID"]) || packages.length === 1)
      .map((each, at) => {
        const licenses = [each["licenseConcluded"], each["licenseDeclared"]];
        const known = licenses.find((license) => !NOTHING.includes(license));
        const version = textIn(each, "versionInfo");
        return {
          name: needText(each, "name", what, `packages[${at}]`),
          ...(version === undefined ? {} : { version }),
          licenses: typeof known === "string" ? [known] : [],
        };
      }),
  };
}

function documentDescribes(document: JsonObject): ReadonlySet<unknown> {
  const what = "SPDX document";
  const listed = document["documentDescribes"];
  const related = objectsIn(document["relationships"], what, "relationships")
    .filter((each) => each["relationshipType"] === "DESCRIBES" && each["spdxElementId"] === "SPDXRef-DOCUMENT")
    .map((each) => each["relatedSpdxElement"]);
  return new Set<unknown>([...(Array.isArray(listed) ? (listed as readonly JsonValue[]) : []), ...related]);
}

/** Components that are no software that somebody licensed. */
const UNLICENSED: readonly unknown[] = ["file", "operating-system", "data", "cryptographic-asset"];

function readCycloneDx(document: JsonObject): Sbom {
  const what = "CycloneDX document";
  requireVersion(document);
  const components: Component[] = [];
  const open: JsonObject[] = [...objectsIn(document["components"], what, "components")];
  for (let each = open.pop(); each; each = open.pop()) {
    if (components.length + open.length > Limits.reportEntries) throw tooMany(what, "components");
    open.push(...objectsIn(each["components"], what, "components"));
    if (UNLICENSED.includes(each["type"])) continue;
    const version = textIn(each, "version");
    components.push({
      name: needText(each, "name", what, "components"),
      ...(version === undefined ? {} : { version }),
      licenses: objectsIn(each["licenses"], what, "licenses").flatMap((choice) => licenseOf(choice, what)),
    });
  }
  return { format: "cyclonedx", components };
}

function licenseOf(choice: JsonObject, what: string): readonly string[] {
  const expression = textIn(choice, "expression");
  if (expression !== undefined) return [expression];
  const license = objectIn(choice["license"], what, "licenses[].license");
  const text = textIn(license, "id") ?? textIn(license, "name");
  return text === undefined || NOTHING.includes(text) ? [] : [text];
}

function readSyft(document: JsonObject): Sbom {
  const what = "syft document";
  return {
    format: "syft",
    components: objectsIn(document["artifacts"], what, "artifacts").map((each, at) => {
      const version = textIn(each, "version");
      const licenses = each["licenses"];
      const listed = Array.isArray(licenses) ? (licenses as readonly JsonValue[]) : [];
      return {
        name: needText(each, "name", what, `artifacts[${at}]`),
        ...(version === undefined ? {} : { version }),
        licenses: listed.flatMap((license) => {
          // Texts in older versions.
          if (typeof license === "string") return license === "" ? [] : [license];
          if (!isJsonObject(license)) return [];
          return textIn(license, "spdxExpression") ?? textIn(license, "value") ?? [];
        }),
      };
    }),
  };
}
