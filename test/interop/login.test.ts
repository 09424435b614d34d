import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { workFolder } from "../cli/fixture.ts";
import { inside } from "../cli/inside.ts";
import { missing, startDockerRegistry } from "../support/docker-registry.ts";

/** How each asks for the tags of a repository that is not there: who may ask is told so, others are sent away. */
const PEERS: readonly (readonly [program: string, install: string | undefined, line: string])[] = [
  ["crane", "go install github.com/google/go-containerregistry/cmd/crane@v0.21.9", "catalog HOST"],
  ["oras", "go install oras.land/oras/cmd/oras@v1.3.3", "repo ls --plain-http HOST"],
  ["skopeo", undefined, "inspect --tls-verify=false docker://HOST/app:v1"],
  ["regctl", "go install github.com/regclient/regclient/cmd/regctl@v0.11.5", "repo ls HOST"],
];

for (const [program, install, line] of PEERS) {
  test(
    `${program} uses what berth login stored at docker-registry, and no more after berth logout`,
    { skip: missing("docker-registry") || missing(program, install) },
    async () => {
      await using folder = await workFolder();
      const cwd = folder.path;
      const server = await startDockerRegistry({ auth: true });
      try {
        const { host } = server;
        const env = { PATH: process.env["PATH"] ?? "", HOME: cwd, DOCKER_CONFIG: cwd, XDG_RUNTIME_DIR: cwd };
        const regctl = join(cwd, "regctl.json");
        await writeFile(regctl, JSON.stringify({ hosts: { [host]: { tls: "disabled" } } }));
        const peer = (): Promise<string> =>
          new Promise((resolve) => {
            const words = line.replace("HOST", host).split(" ");
            execFile(program, words, { cwd, env: { ...env, REGCTL_CONFIG: regctl }, timeout: 60_000 }, (_, out, err) =>
              resolve(`${out}${err}`),
            );
          });
        const refused = /unauthorized|authentication required|credential not found|401/i;
        assert.match(await peer(), refused);
        const login = `login ${host} -u ann --password-stdin`.split(" ");
        assert.equal((await inside(login, { env, cwd, input: "wrong" })).code, 4);
        assert.match(await peer(), refused);
        const { code, err } = await inside(login, { env, cwd, input: "s3cret" });
        assert.equal(code, 0, err);
        assert.doesNotMatch(await peer(), refused);
        assert.equal((await inside(["logout", host], { env, cwd })).code, 0);
        assert.match(await peer(), refused);
      } finally {
        await server.close();
      }
    },
  );
}
