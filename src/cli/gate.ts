import { OciError } from "../error/oci-error.ts";
import type { PolicyEngine } from "../policy/engine.ts";
import type { GateEvent, GateJudge } from "../server/gate/judge.ts";
import type { HandlerOptions } from "../server/handler.ts";
import type { ServerMetrics } from "../server/metrics/server-metrics.ts";
import type { Pushers } from "../server/pushers.ts";
import { Limits } from "../spec/limits.ts";
import type { Registry } from "../store/store.ts";
import { openAuditLog } from "./access-log-file.ts";
import type { Context } from "./context.ts";
import type { gateOptions } from "./gate-options.ts";
import { readInput } from "./input.ts";
import type { OptionValues } from "./option.ts";
import { openPolicyFile } from "./policy-file.ts";
import { reportGate } from "./request-report.ts";

/** Where the credentials of pushers are taken from when no file is named. */
const VARIABLE = "BERTH_PUSHERS";

export type GateOptionValues = OptionValues<typeof gateOptions>;

/** What `serve` puts between its clients and a registry; disposing it ends what it decides. */
export interface OpenedGate extends AsyncDisposable {
  readonly options: Pick<HandlerOptions, "authenticate" | "authorize" | "login" | "gate">;
  /** What anybody may do, for the warning of a server that others reach. */
  anyone(readOnly: boolean, deletes: boolean): string;
}

export interface GateSurroundings {
  readonly readOnly: boolean;
  readonly metrics: ServerMetrics | undefined;
  readonly context: Context;
}

function anyone(guarded: boolean, pushers: Pushers | undefined): OpenedGate["anyone"] {
  return (readOnly, deletes) => {
    const all = guarded ? "what the policy allows" : "all of it";
    if (pushers) return `read ${all}: there are no access rules yet`;
    const may = readOnly ? `read ${all}` : deletes ? "read, push and delete" : "read and push";
    return `${may}: there is no authentication yet`;
  };
}

/**
 * Opens the policy and the credentials that the options name; without any of them, nothing is loaded.
 * @throws OciError USAGE, FILE_INVALID and what reading throws
 */
export async function openGate(
  registry: Registry,
  values: GateOptionValues,
  { readOnly, metrics, context }: GateSurroundings,
): Promise<OpenedGate> {
  const pushers = await openPushers(values, context);
  const access = pushers ? { ...pushers, ...(values.login === undefined ? {} : { login: values.login }) } : {};
  if (values.policy === undefined) {
    if (values.gate !== undefined || values.auditLog !== undefined || values.as !== undefined) {
      throw new OciError("USAGE", "--gate, --as and --audit-log go with a --policy");
    }
    return {
      options: access,
      anyone: anyone(false, pushers),
      [Symbol.asyncDispose]: async () => undefined,
    };
  }
  if (!pushers && !readOnly) {
    throw new OciError("USAGE", "With a --policy, the server has to know who pushes: they see what is hidden", {
      hint: `Write user:password into a file for --pusher-password-file, or into ${VARIABLE}; or serve --read-only`,
    });
  }
  const judge = judgeOf(await openPolicyFile(values.policy, context), values.as);
  const { createGate } = await import("../server/gate/gate.ts");
  const { auditLine } = await import("../server/gate/audit-line.ts");
  const log = values.auditLog === undefined ? undefined : await openAuditLog(values.auditLog, context, metrics);
  const gate = createGate(registry, {
    judge,
    refuse: values.gate === "refuse",
    onEvent: (event: GateEvent) => {
      log?.write(auditLine(event, new Date()));
      metrics?.gate(event);
      reportGate(event, context);
    },
  });
  return {
    options: { ...access, gate },
    anyone: anyone(true, pushers),
    async [Symbol.asyncDispose]() {
      await gate[Symbol.asyncDispose]();
      await log?.[Symbol.asyncDispose]();
    },
  };
}

async function openPushers({ pushers, login }: GateOptionValues, context: Context): Promise<Pushers | undefined> {
  const given = context.env[VARIABLE];
  if (pushers === undefined && given === undefined) {
    if (login === undefined) return undefined;
    throw new OciError("USAGE", "--login goes with --pusher-password-file");
  }
  const { parsePushers } = await import("../server/pushers.ts");
  if (pushers === undefined) return parsePushers(given ?? "", VARIABLE);
  const what = `password file ${pushers}`;
  return parsePushers(Buffer.from(await readInput(pushers, Limits.credentials, what, context)).toString(), what);
}

/** @throws OciError USAGE where rules are about registries and nobody said which this is */
function judgeOf({ policy, decide, concerns }: PolicyEngine, registry: string | undefined): GateJudge {
  if (registry === undefined && policy.rules.some(({ match }) => match.registries !== undefined)) {
    throw new OciError("USAGE", "Rules of the policy are about registries, and which this one is was not said", {
      hint: "Say it with --as, for example: --as registry.example.com",
    });
  }
  const where = registry === undefined ? {} : { registry };
  return {
    policy: policy.digest,
    // What no rule is about is judged as well: the policy's default is to refuse it.
    guards: (repository) => policy.default === "deny" || concerns({ repository, ...where }),
    judge: (question) => decide({ ...question, ...where }),
  };
}
