import type { DocumentRule } from "./evidence-rules.ts";
import type { TextPattern } from "./text-pattern.ts";

/** Which licences the components of an SBOM may be under. */
export interface LicenseRule extends DocumentRule {
  /** Empty: all that is not denied. */
  readonly allow: readonly TextPattern[];
  readonly deny: readonly TextPattern[];
  /** What becomes of a component without a licence that anybody could name. */
  readonly unknown: "refuse" | "allow";
  /** Names of components that are not looked at. */
  readonly except: readonly TextPattern[];
}
