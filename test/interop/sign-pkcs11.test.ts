/** Keys of a token: what berth signs with them cosign and notation verify, and notation signs with berth's plug-in. */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { imageLayout, workFolder } from "../cli/fixture.ts";
import { inside } from "../cli/inside.ts";
import { serve, type Served } from "../cli/served.ts";
import { issueChain, pemOf } from "../sign/notation/authority.ts";
import { policyOf } from "../sign/notation/scene.ts";
import { noToken, PIN, SoftToken } from "../sign/token.ts";
import { COSIGN_2, COSIGN_3, CosignPeer } from "./cosign-peer.ts";

const execute = promisify(execFile);
const PLUGIN = join(import.meta.dirname, "../../bin/plugins/pkcs11/notation-pkcs11");
const NOTATION = "go install github.com/notaryproject/notation/cmd/notation@v1.3.2";

function absent(program: string, install: string): string | false {
  return spawnSync(program, ["version"]).error ? `${program} not found on PATH: ${install}` : false;
}

describe("keys of a PKCS #11 token, and others", { skip: noToken }, () => {
  const scope = new AsyncDisposableStack();
  let folder: string;
  let server: Served;
  let token: SoftToken;
  let env: Record<string, string>;

  const berth = async (...args: readonly string[]): Promise<string> => {
    const { code, out, err } = await inside(args, { cwd: folder, env });
    assert.equal(code, 0, `berth ${args.join(" ")}\n${err}`);
    return out.trim();
  };
  const uri = (label: string): string => `pkcs11:token=berth%20test;object=${label}`;

  before(async () => {
    folder = scope.use(await workFolder()).path;
    token = await SoftToken.create(folder);
    env = { ...token.env, COSIGN_PKCS11_PIN: PIN };
    await mkdir(join(folder, "depot"));
    server = scope.use(await serve(["depot"], folder));
    await imageLayout(join(folder, "images"), ["v1"]);
  });
  after(() => scope.disposeAsync());

  for (const tool of [COSIGN_3, COSIGN_2]) {
    test(`${tool.name} verifies`, { skip: absent(tool.program, tool.install) }, async () => {
      const home = join(folder, tool.program);
      await mkdir(home);
      const peer = await CosignPeer.open(tool, home);
      for (const [at, type] of ["rsa:2048", "EC:prime256v1"].entries()) {
        const label = `${tool.program}-${at}`;
        await token.generate(type, label, `${tool.major}${at}`);
        await writeFile(join(home, `${label}.pub`), await berth("key", "public", uri(label)));
        for (const storage of ["referrer", "tag"]) {
          const place = `${server.host}/${label}-${storage}`;
          const digest = await berth("digest", "ocidir://images:v1");
          await berth("copy", "ocidir://images:v1", `${place}:v1`);
          await berth("sign", `${place}:v1`, "--key", uri(label), "--storage", storage);
          const trust = storage === "referrer" ? peer.bundleFlags : [];
          const subject = `${place}@${digest}`;
          assert.ok((await peer.run("verify", "--key", `${label}.pub`, ...trust, subject)).includes(digest));
          await assert.rejects(peer.run("verify", "--key", "other.pub", ...trust, subject));
        }
      }
    });
  }

  test(
    "notation signs with the plug-in, and verifies what berth signs with it",
    {
      skip: absent("notation", NOTATION),
    },
    async () => {
      const config = join(folder, "config", "notation");
      const plugins = join(config, "plugins", "pkcs11");
      await mkdir(plugins, { recursive: true });
      await symlink(PLUGIN, join(plugins, "notation-pkcs11"));
      const surroundings = { ...env, HOME: folder, XDG_CONFIG_HOME: dirname(config), DOCKER_CONFIG: folder };
      const notation = async (...args: readonly string[]): Promise<string> => {
        const { stdout } = await execute("notation", [...args], { env: surroundings, cwd: folder, timeout: 60_000 });
        return stdout;
      };
      assert.match(await notation("plugin", "ls"), /pkcs11 .*SIGNATURE_GENERATOR.RAW/);
      await mkdir(join(config, "truststore/x509/ca/ours"), { recursive: true });
      await writeFile(join(config, "trustpolicy.json"), JSON.stringify(policyOf()));
      const trust = ["--trust-policy", join(config, "trustpolicy.json"), "--trust-store", join(config, "truststore")];
      for (const [at, kind] of (["RSA-2048", "P-256", "P-384"] as const).entries()) {
        const { key, chain, root } = issueChain({ kind });
        await token.put(key, kind, `4${at}`);
        const certificates = await token.chain(`${kind}.pem`, chain);
        await writeFile(join(config, `truststore/x509/ca/ours/${kind}.crt`), pemOf([root.raw]));
        const settings = ["--plugin-config", `certificates=${certificates}`];
        for (const format of ["jws", "cose"]) {
          const place = `${server.host}/notation-${kind.toLowerCase()}-${format}`;
          const digest = await berth("digest", "ocidir://images:v1");
          const ways = {
            ours: () =>
              berth(
                "sign",
                `${place}-ours:v1`,
                "--plugin",
                "pkcs11",
                "--key-id",
                uri(kind),
                ...settings,
                "--signature-format",
                format,
              ),
            theirs: () =>
              notation(
                "sign",
                "--insecure-registry",
                "--plugin",
                "pkcs11",
                "--id",
                uri(kind),
                ...settings,
                "--signature-format",
                format,
                `${place}-theirs@${digest}`,
              ),
          };
          for (const [name, sign] of Object.entries(ways)) {
            await berth("copy", "ocidir://images:v1", `${place}-${name}:v1`);
            await assert.rejects(notation("verify", "--insecure-registry", `${place}-${name}@${digest}`));
            await sign();
            assert.match(await notation("verify", "--insecure-registry", `${place}-${name}@${digest}`), /Successfully/);
            await berth("verify", `${place}-${name}:v1`, ...trust);
          }
        }
      }
    },
  );
});
