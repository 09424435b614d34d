import type { LicenseRule } from "./license-rule.ts";
import type { Component } from "./read-sbom.ts";
import { matchesAny } from "./text-pattern.ts";

/** A licence, or several that all hold or of which one may be chosen. */
type License =
  | { readonly names: readonly string[] }
  | { readonly all: boolean; readonly left: License; readonly right: License };

/** Longer is no licence that somebody wrote; the parser recurses. */
const LONGEST = 4096;

/** Tells of components whether their licences are allowed. */
export class LicenseCheck {
  readonly #rule: LicenseRule;
  readonly #parse: (text: string) => License;
  readonly #known = new Map<string, boolean>();

  private constructor(rule: LicenseRule, parse: (text: string) => License) {
    this.#rule = rule;
    this.#parse = parse;
  }

  static async open(rule: LicenseRule): Promise<LicenseCheck> {
    const { default: parse } = await import("spdx-expression-parse");
    type Parsed = ReturnType<typeof parse>;
    const toLicense = (info: Parsed): License => {
      if ("conjunction" in info) {
        return { all: info.conjunction === "and", left: toLicense(info.left), right: toLicense(info.right) };
      }
      const name = `${info.license}${info.plus === true ? "+" : ""}`;
      return { names: info.exception === undefined ? [name] : [`${name} WITH ${info.exception}`, name] };
    };
    return new LicenseCheck(rule, (text) => {
      try {
        return text.length > LONGEST ? { names: [text] } : toLicense(parse(text));
      } catch {
        // Some words of somebody's: the rule may know them.
        return { names: [text] };
      }
    });
  }

  /** What is wrong with a component, if anything is. */
  problemOf({ name, version, licenses }: Component): string | undefined {
    if (matchesAny(this.#rule.except, name)) return undefined;
    const shown = version === undefined ? name : `${name} ${version}`;
    if (licenses.length === 0) {
      return this.#rule.unknown === "allow" ? undefined : `${shown} is under no known licence`;
    }
    const refused = licenses.find((license) => !this.#isAllowed(license));
    return refused === undefined ? undefined : `${shown} is under ${refused.slice(0, 200)}`;
  }

  #isAllowed(text: string): boolean {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const allowed = this.#allows(this.#parse(text));
    this.#known.set(text, allowed);
    return allowed;
  }

  #allows(license: License): boolean {
    if ("all" in license) {
      const [left, right] = [this.#allows(license.left), this.#allows(license.right)];
      return license.all ? left && right : left || right;
    }
    const { allow, deny } = this.#rule;
    const [full = "", plain = full] = license.names;
    // An exception only adds permissions, so what allows a licence allows it with one; what denies it does so
    // unless the two together are allowed by name.
    const byName = allow.some(({ text }) => text === full) && !deny.some(({ text }) => text === full);
    if (!byName && (matchesAny(deny, full) || matchesAny(deny, plain))) return false;
    return allow.length === 0 || matchesAny(allow, full) || matchesAny(allow, plain);
  }
}
