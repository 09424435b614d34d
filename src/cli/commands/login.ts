import { type Command, defineCommand } from "../command.ts";
import { connection, surroundings } from "../connection.ts";
import { formatLoginPlace, formatLoginTarget } from "../login-report.ts";
import { flag, required } from "../option.ts";
import { dryRun } from "../shared-options.ts";

export const command: Command = defineCommand({
  about:
    "Asks the registry whether it takes the user name and password, and stores them where docker login and its like do, so that other tools read them as well: with the credential helper of the credentials file, else in the file itself, not encrypted. That is the file that knows the registry already, else $DOCKER_CONFIG/config.json or ~/.docker/config.json. Without --password-stdin it asks on the terminal.",
  arguments: { host: required("HOST", "a registry, or a part of it as in quay.io/team") },
  options: {
    ...connection,
    check: flag("--no-check", "store without asking the registry"),
    dryRun,
  },
  examples: [
    {
      about: "Log in, with the password on standard input",
      line: 'echo "$PASSWORD" | berth login ghcr.io -u me --password-stdin',
    },
    {
      about: "Prepare a credentials file for another machine",
      line: 'echo "$PASSWORD" | berth login registry.example -u me --password-stdin --no-check --docker-config auth.json',
    },
  ],
  writes: true,
  async run({ host: written }, options, context) {
    const { out } = context;
    const { checkCredentials, openLogins, readLoginTarget } = await import("../../open/login.ts");
    const target = await readLoginTarget(written);
    const registry = formatLoginTarget(target);
    const { readLoginCredential } = await import("../login-credential.ts");
    const credential = await readLoginCredential(registry, options, context);
    const here = surroundings(options, context);
    const logins = await openLogins({ ...here, signal: context.signal });
    const place = await logins.place(target, credential.type);
    const asked =
      !options.check || (await checkCredentials(target.host, credential, { ...here, signal: context.signal }));
    if (!asked) context.warn(`${target.host} asks for no credentials, so nothing says whether these are right`);
    const user = credential.type === "basic" ? { username: credential.username } : {};
    const result = { registry, ...user, checked: options.check && asked, ...place };
    const as = credential.type === "basic" ? ` as ${credential.username}` : "";
    if (options.dryRun) {
      out.result({ dryRun: true, ...result }, [
        `Would store the login at ${registry}${as} in ${formatLoginPlace(place)}`,
      ]);
      return;
    }
    await logins.store(place, target, credential);
    if (place.helper === undefined) context.warn(`The login lies in ${place.file}, not encrypted`);
    out.result(result, [`Logged in to ${registry}${as}`], []);
  },
});
