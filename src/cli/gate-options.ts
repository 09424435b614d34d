import { choice, type Option, text } from "./option.ts";

/** The options of `serve` that are about who sees and writes what. */
export const gateOptions: {
  readonly policy: Option<string | undefined>;
  readonly gate: Option<"quarantine" | "refuse" | undefined>;
  readonly as: Option<string | undefined>;
  readonly pushers: Option<string | undefined>;
  readonly login: Option<"denied" | "missing" | "always" | undefined>;
  readonly auditLog: Option<string | undefined>;
} = {
  policy: text("--policy <file>", "a policy (YAML): images that break it are not there for pullers", "file"),
  gate: choice(
    "--gate <mode>",
    "what becomes of pushes that break the policy: they go in and are hidden (quarantine, the default), or their tags are turned away (refuse)",
    ["quarantine", "refuse"],
  ),
  as: text("--as <host>", "this registry's name as the policy's rules have it, host or host:port"),
  pushers: text(
    "--pusher-password-file <file>",
    "user:password of those who may push and delete, and who see everything, one a line (also: BERTH_PUSHERS in the environment)",
    "file",
  ),
  login: choice(
    "--login <when>",
    "ask clients without credentials for them: where they may not write (denied, the default), also where something is missing, or always",
    ["denied", "missing", "always"],
  ),
  auditLog: text(
    "--audit-log <file>",
    "append a line of JSON for each image that was hidden, released or refused; SIGHUP opens the file anew",
  ),
};
