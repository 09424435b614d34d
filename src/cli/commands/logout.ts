import { type Command, defineCommand } from "../command.ts";
import { connection } from "../connection.ts";
import { formatLoginPlace, formatLoginTarget } from "../login-report.ts";
import { required } from "../option.ts";
import { dryRun } from "../shared-options.ts";

export const command: Command = defineCommand({
  about:
    "Erases what is stored for a registry from every place that berth reads: credential helpers and credentials files, also those of docker, podman, oras and skopeo. The registry is not asked; a token that others hold stays good. Where nothing is stored, that is no error.",
  arguments: { host: required("HOST", "a registry, or a part of it as in quay.io/team") },
  options: { dockerConfig: connection.dockerConfig, dryRun },
  examples: [
    { about: "Forget a registry", line: "berth logout ghcr.io" },
    { about: "See where something is stored", line: "berth logout docker.io --dry-run" },
  ],
  writes: true,
  async run({ host: written }, { dockerConfig, dryRun: isDry }, context) {
    const { env, home, cwd, signal, out } = context;
    const { openLogins, readLoginTarget } = await import("../../open/login.ts");
    const target = await readLoginTarget(written);
    const registry = formatLoginTarget(target);
    const logins = await openLogins({
      env,
      home,
      cwd,
      signal,
      ...(dockerConfig === undefined ? {} : { dockerConfig }),
    });
    const places = await logins.find(target);
    if (!isDry) for (const place of places) await logins.erase(place, target);
    const did = isDry ? "Would erase" : "Erased";
    const lines = places.map((place) => `${did} the login at ${registry} from ${formatLoginPlace(place)}`);
    out.result({ ...(isDry ? { dryRun: true } : {}), registry, erased: places }, lines, isDry ? lines : []);
    if (places.length === 0) context.note(`There is no login at ${registry}`);
  },
});
