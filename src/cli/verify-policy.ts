import { OciError } from "../error/oci-error.ts";
import { nameOf } from "../open/opened.ts";
import type { ConnectionValues } from "./connection.ts";
import type { Context } from "./context.ts";
import { type IdentityValues, strayOptions } from "./identity-options.ts";
import { openSubjects } from "./located-subjects.ts";
import { openPolicyFile, placeFor } from "./policy-file.ts";
import { decisionLines, type NamedDecision, requireAllowed } from "./policy-report.ts";

type Values = ConnectionValues &
  IdentityValues & {
    readonly key: readonly string[];
    readonly threshold: number | undefined;
    readonly annotations: Readonly<Record<string, string>>;
    readonly recursive: boolean;
    readonly platform: string | undefined;
    readonly concurrency: number | undefined;
    readonly as: string | undefined;
  };

/** A policy says who has to have signed what; options that say so as well would contradict it. */
function refuseOthers(values: Values): void {
  const given = [
    ...(values.key.length > 0 ? ["--key"] : []),
    ...(values.certificateIdentity.length + values.certificateIdentityRegexp.length > 0
      ? ["--certificate-identity"]
      : []),
    ...(values.certificateOidcIssuer === undefined ? [] : ["--certificate-oidc-issuer"]),
    ...(values.certificateOidcIssuerRegexp === undefined ? [] : ["--certificate-oidc-issuer-regexp"]),
    ...strayOptions(values),
    ...(values.threshold === undefined ? [] : ["--threshold"]),
    ...(Object.keys(values.annotations).length > 0 ? ["--annotation"] : []),
    ...(values.recursive ? ["--recursive"] : []),
  ];
  if (given.length === 0) return;
  throw new OciError("USAGE", `Expected either --policy or ${given.join(", ")}, got both`, {
    hint: "Write into the policy what it should ask for",
  });
}

/** Judges each subject by a policy, and shows why. @throws OciError REFUSED */
export async function verifyByPolicy(
  written: readonly string[],
  file: string,
  options: Values,
  context: Context,
): Promise<void> {
  const { signal, out } = context;
  refuseOthers(options);
  const engine = await openPolicyFile(file, context);
  await using scope = new AsyncDisposableStack();
  const subjects = await openSubjects(written, "read", options, { scope, context });
  const { eachOf } = await import("../transfer/workers.ts");
  const decisions: NamedDecision[] = [];
  await eachOf(subjects.entries(), options.concurrency ?? 4, async ([at, { opened, descriptor, reference }]) => {
    const tag = opened.tag ?? (opened.digest === undefined ? await tagOf(opened, signal) : undefined);
    const place = placeFor(opened, tag === undefined ? [] : [tag], options.as);
    const decision = await engine.decide({ source: opened.store, subject: descriptor, ...place, signal });
    decisions[at] = { ...decision, reference };
  });
  out.result(
    decisions,
    () => decisions.flatMap(decisionLines),
    decisions.filter(({ allowed }) => allowed).map(({ digest }) => digest),
  );
  requireAllowed(decisions);
}

async function tagOf(opened: Parameters<typeof nameOf>[0], signal: AbortSignal): Promise<string | undefined> {
  const name = await nameOf(opened, { signal });
  return "tag" in name ? name.tag : undefined;
}
