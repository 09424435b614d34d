import { OciError } from "../error/oci-error.ts";
import { connection } from "./connection.ts";
import { choice, flag, list, type Option, type OptionValues } from "./option.ts";
import { concurrency, dryRun } from "./shared-options.ts";
import { asRepository, policyOption } from "./policy-file.ts";
import { tagFilters } from "./tag-filters.ts";

/** What a copy can be told, whether it is one or many of a file. */
export const copyOptions: typeof connection &
  typeof tagFilters & {
    readonly referrers: Option<boolean>;
    readonly artifactTypes: Option<readonly string[]>;
    readonly platforms: Option<readonly string[]>;
    readonly sparse: Option<"keep" | "strip" | undefined>;
    readonly allTags: Option<boolean>;
    readonly toOci: Option<boolean>;
    readonly toDocker: Option<boolean>;
    readonly compress: Option<"gzip" | "zstd" | undefined>;
    readonly includeExternal: Option<boolean>;
    readonly policy: Option<string | undefined>;
    readonly as: Option<string | undefined>;
    readonly deep: Option<boolean>;
    readonly explain: Option<boolean>;
    readonly concurrency: Option<number | undefined>;
    readonly dryRun: Option<boolean>;
  } = {
  ...connection,
  referrers: flag("--no-referrers", "leave behind what hangs on the manifests"),
  artifactTypes: list("--artifact-type <type>", "bring only referrers of this type (may be repeated)"),
  platforms: list("--platform <os/arch[/variant]>", "a platform of an index (may be repeated: see --sparse)"),
  sparse: choice("--sparse <way>", "an index of some platforms: keep it as it is, or strip the others from it", [
    "keep",
    "strip",
  ]),
  allTags: flag("--all-tags", "copy every tag of the source, under its own name"),
  ...tagFilters,
  toOci: flag("--to-oci", "with OCI's media types: new digests"),
  toDocker: flag("--to-docker", "with Docker's media types: new digests"),
  compress: choice("--compress <how>", "compress layers anew that are compressed otherwise: new digests", [
    "gzip",
    "zstd",
  ]),
  includeExternal: flag("--include-external", "fetch layers that the source lacks from the URLs in their descriptors"),
  policy: policyOption,
  as: asRepository,
  deep: flag("--deep", "ask the target for every node, also below manifests that it has"),
  explain: flag("--explain", "with --dry-run: say of each node how it belongs to the graph"),
  concurrency,
  dryRun,
};

export type CopyValues = OptionValues<typeof copyOptions>;

function wrong(message: string, hint: string): OciError {
  return new OciError("USAGE", message, { hint });
}

/** @throws OciError USAGE for options that contradict each other, or need another one */
export function checkCopyOptions(options: CopyValues): void {
  const { platforms, sparse, allTags, include, exclude, semver, toOci, toDocker, compress, explain, policy, as } =
    options;
  if (platforms.length > 1 && sparse === undefined) {
    throw wrong(
      "Expected --sparse beside several platforms: an index with some of its platforms is another one, or has gaps",
      "--sparse keep copies the index as it is, with its digest; --sparse strip makes a new one of what is copied",
    );
  }
  if (sparse !== undefined && platforms.length === 0) {
    throw wrong("Expected --platform beside --sparse", "For example: --platform linux/amd64 --platform linux/arm64");
  }
  if (!allTags && (include.length > 0 || exclude.length > 0 || semver !== undefined)) {
    throw wrong("Expected --all-tags beside a filter of tags", 'For example: --all-tags --semver "^1.2"');
  }
  if (toOci && toDocker) throw wrong("Expected either --to-oci or --to-docker, got both", "Choose one of them");
  if (toDocker && compress === "zstd") {
    throw wrong("Docker's media types have none for zstd", "Use --compress gzip, or --to-oci");
  }
  if (sparse === "keep" && (toOci || toDocker || compress !== undefined)) {
    throw wrong(
      "--sparse keep keeps the index's digest, which --to-oci, --to-docker and --compress change",
      "Use --sparse strip",
    );
  }
  if (policy !== undefined && (toOci || toDocker || compress !== undefined || sparse !== undefined)) {
    throw wrong(
      "--policy judges what is copied, and --to-oci, --to-docker, --compress and --sparse copy something else",
      "Convert it first, sign and scan the result, and copy that by the policy",
    );
  }
  if (as !== undefined && policy === undefined) {
    throw wrong("Expected --policy beside --as", "It says as which repository to judge");
  }
  if (explain && !options.dryRun) throw wrong("Expected --dry-run beside --explain", "It explains a plan");
}
