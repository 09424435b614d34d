import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { complaint, reply, type Scripted, scripted } from "../remote/scripted.ts";

export const USER = "ann";
export const SECRET = 's3cr3t "w0rd"';
export const BASIC: string = `Basic ${Buffer.from(`${USER}:${SECRET}`).toString("base64")}`;
const TAGS = '{"name":"app","tags":["v1"]}';

/** A registry that asks for a password; it says what it was sent, as none should. */
export async function basicRegistry(): Promise<Scripted> {
  return await scripted(({ url, headers }, response) => {
    if (headers.authorization === BASIC || headers.authorization === "Bearer t0ken") {
      return reply(response, 200, {}, url.includes("/tags/") ? TAGS : "{}");
    }
    const sent = Buffer.from(headers.authorization?.replace("Basic ", "") ?? "", "base64").toString();
    const said = complaint("UNAUTHORIZED", `not ${sent.slice(sent.indexOf(":") + 1)}, ${headers.authorization}`);
    return reply(response, 401, { "www-authenticate": 'Basic realm="test"' }, said);
  });
}

/** A registry with a token service that asks for the same password. */
export async function tokenRegistry(): Promise<Pick<Scripted, "host"> & AsyncDisposable> {
  const tokens = await scripted(({ headers }, response) =>
    headers.authorization === BASIC
      ? reply(response, 200, {}, '{"token":"good","expires_in":300}')
      : reply(response, 401, {}, complaint("UNAUTHORIZED", `not ${headers.authorization}`)),
  );
  const registry = await scripted(({ url, headers }, response) =>
    headers.authorization === "Bearer good"
      ? reply(response, 200, {}, url.includes("/tags/") ? TAGS : "{}")
      : reply(response, 401, { "www-authenticate": `Bearer realm="${tokens.origin}/token",service="one"` }),
  );
  return {
    host: registry.host,
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]();
      await tokens[Symbol.asyncDispose]();
    },
  };
}

/** What a registry says that lets everybody in. */
export async function openRegistry(): Promise<Scripted> {
  return await scripted((_, response) => reply(response, 200, {}, "{}"));
}

/** A credential helper that keeps one login in a file beside it. */
const HELPER = `#!/bin/sh
kept="$(dirname "$0")/kept.json"
echo "$1" >>"$(dirname "$0")/asked"
missing() { echo "credentials not found in native keychain"; exit 1; }
case "$1" in
  store) cat >"$kept" ;;
  get) read -r server; grep -qF "\\"ServerURL\\":\\"$server\\"" "$kept" 2>/dev/null || missing; cat "$kept" ;;
  erase) read -r server; grep -qF "\\"ServerURL\\":\\"$server\\"" "$kept" 2>/dev/null || missing; rm "$kept" ;;
  *) exit 2 ;;
esac
`;

/** Puts helpers into a folder: one that works, and some that do not. */
export async function writeLoginHelpers(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const texts = {
    chest: HELPER,
    failing: '#!/bin/sh\n[ "$1" = get ] && { echo "credentials not found in native keychain"; exit 1; }\ncat; exit 3\n',
  };
  for (const [name, text] of Object.entries(texts)) {
    const path = join(folder, `docker-credential-${name}`);
    await writeFile(path, text);
    await chmod(path, 0o755);
  }
}
