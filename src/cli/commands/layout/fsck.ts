import { OciError } from "../../../error/oci-error.ts";
import type { Finding, Severity } from "../../../layout/fsck-report.ts";
import { type Command, defineCommand } from "../../command.ts";
import { formatBytes, formatCount } from "../../format.ts";
import { required } from "../../option.ts";
import { readDirectory } from "../../path-argument.ts";
import { style } from "../../style.ts";

const PAINT: Readonly<Record<Severity, (text: string) => string>> = {
  error: style.red,
  warning: style.yellow,
  note: style.dim,
};

export const command: Command = defineCommand({
  about:
    "Reads and hashes every blob, follows every name and child, and lists what is damaged, missing, named twice or left over. It changes nothing. Exit code 1: there are errors.",
  arguments: { path: required("PATH", "the layout's directory") },
  options: {},
  examples: [
    { about: "Check a layout after a crash", line: "berth layout fsck ./images" },
    {
      about: "Only the errors, in a script",
      line: "berth layout fsck ./images --json | jq '.findings[] | select(.severity == \"error\")'",
    },
  ],
  async run({ path }, _options, context) {
    const { signal, onEvent, out } = context;
    const { fsckLayout } = await import("../../../layout/fsck.ts");
    const report = await fsckLayout(readDirectory(path, context), { signal, onEvent });
    const errors = report.findings.filter(({ severity }) => severity === "error").length;
    const found = report.findings.map(
      ({ severity, code, message }) => `${PAINT[severity](severity)} ${code}: ${message}`,
    );
    out.result(
      report,
      [
        ...found,
        `${report.clean ? style.green("clean") : style.red("not clean")}${count(report.findings)}: ${formatCount(report.blobs, "blob")} (${formatBytes(report.bytes)}), ${formatCount(report.manifests, "manifest")}, ${formatCount(report.tags, "tag")}`,
      ],
      found,
    );
    if (!report.clean) {
      throw new OciError("CHECK_FAILED", `The layout ${path} is not clean: ${formatCount(errors, "error")} found`);
    }
  },
});

/** `, 1 error, 2 notes`, or nothing. */
function count(findings: readonly Finding[]): string {
  return (["error", "warning", "note"] as const)
    .map((severity): [Severity, number] => [severity, findings.filter((one) => one.severity === severity).length])
    .map(([severity, number]) => (number === 0 ? "" : `, ${formatCount(number, severity)}`))
    .join("");
}
