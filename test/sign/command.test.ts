import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Exit } from "../../src/error/code.ts";
import { berth, shellCommand } from "../cli/berth.ts";
import { imageLayout, workFolder } from "../cli/fixture.ts";
import { inside, type RanInside } from "../cli/inside.ts";

type Run = (line: string, env?: Readonly<Record<string, string>>, input?: string) => Promise<RanInside>;

/** A folder with an image `images:v1` and key pairs `ann` and `bob`. */
async function withKeys(work: (run: Run, cwd: string) => Promise<void>): Promise<void> {
  await using folder = await workFolder();
  const cwd = folder.path;
  await imageLayout(join(cwd, "images"), ["v1"]);
  const go: Run = (line, env = {}, input = "") =>
    inside(line.split(" "), { cwd, env: { COSIGN_PASSWORD: "secret", ...env }, input });
  for (const name of ["ann", "bob"]) assert.equal((await go(`key generate -o ${name}`)).code, 0);
  await work(go, cwd);
}

describe("berth key", () => {
  test("writes the private key for its owner alone, and never over another", async () => {
    await withKeys(async (go, cwd) => {
      assert.equal((await stat(join(cwd, "ann.key"))).mode & 0o777, 0o600);
      const before = await readFile(join(cwd, "ann.key"));
      assert.equal((await go("key generate -o ann")).code, Exit.Conflict);
      assert.deepEqual(await readFile(join(cwd, "ann.key")), before);
      const dry = await go("key generate -o fresh --dry-run --json");
      assert.equal(dry.code, 0);
      await assert.rejects(stat(join(cwd, "fresh.key")), { code: "ENOENT" });
    });
  });

  test("gives the public key again, and takes a key from the environment", async () => {
    await withKeys(async (go, cwd) => {
      const pem = await readFile(join(cwd, "ann.pub"), "utf8");
      assert.equal((await go("key public ann.key")).out, pem);
      const secret = await readFile(join(cwd, "ann.key"), "utf8");
      assert.equal((await go("key public env://SECRET", { SECRET: secret })).out, pem);
      const unset = await go("key public env://SECRET");
      assert.equal(unset.code, Exit.Usage);
      const wrong = await go("key public ann.key", { COSIGN_PASSWORD: "wrong" });
      assert.match(wrong.err, /password is wrong/);
      assert.ok(!wrong.err.includes("secret"));
      await go("key import ann.key -o again");
      assert.equal(await readFile(join(cwd, "again.pub"), "utf8"), pem);
    });
  });

  test("says what it needs where there is neither a password nor a terminal", async () => {
    await using folder = await workFolder();
    const { code, err } = await berth(["key", "generate"], { cwd: folder.path });
    // A test that runs on a terminal would be asked there.
    if (!err.includes("Password")) assert.equal(code, Exit.Usage, err);
  });

  const hasScript = spawnSync("script", ["--version"]).status === 0;
  test(
    "asks on a terminal, twice, and shows nothing of it",
    { skip: hasScript ? false : "script not found on PATH: apt-get install bsdutils" },
    async () => {
      await using folder = await workFolder();
      const child = spawn("script", ["-qec", `${shellCommand} key generate`, "/dev/null"], {
        cwd: folder.path,
        // Without a password of whoever runs this.
        env: { PATH: process.env["PATH"], HOME: folder.path, TERM: "xterm" },
      });
      const waiting = [
        { prompt: "Password of the private key: ", keys: "sesame\r" },
        { prompt: "The same again: ", keys: "sesamx\u007fe\r" },
      ];
      let stdout = "";
      child.stdout.setEncoding("utf8");
      child.stdout.on("data", (chunk: string) => {
        stdout += chunk;
        if (waiting[0] && stdout.includes(waiting[0].prompt)) child.stdin.write(waiting.shift()?.keys ?? "");
      });
      await once(child, "close");
      assert.match(stdout, /Password of the private key: /);
      assert.ok(!stdout.includes("sesam"), stdout);
      const opened = await inside(["key", "public", "berth.key"], {
        cwd: folder.path,
        env: { COSIGN_PASSWORD: "sesame" },
      });
      assert.equal(opened.code, 0, opened.err);
    },
  );
});

describe("berth sign and verify", () => {
  test("say what was signed, what counts and why not, and exit by it", async () => {
    await withKeys(async (go) => {
      const digest = (await go("digest ocidir://images:v1")).out.trim();
      const none = await go("verify ocidir://images:v1 --key ann.pub");
      assert.equal(none.code, Exit.Unverified);
      assert.match(none.out, /not verified .*: there is no signature/);
      const signed = await go("sign ocidir://images:v1 --key ann.key -a env=prod --json");
      const [first] = (JSON.parse(signed.out) as { signed: { digest: string; kind: string; manifest: string }[] })
        .signed;
      assert.deepEqual([first?.digest, first?.kind], [digest, "sigstore-bundle"]);
      const good = await go("verify ocidir://images:v1 --key ann.pub -a env=prod --quiet");
      assert.deepEqual([good.code, good.out], [0, `${digest}\n`]);
      const other = await go("verify ocidir://images:v1 --key bob.pub");
      assert.equal(other.code, Exit.Unverified);
      assert.match(other.out, /does not count .*not by the key bob\.pub/);
      const quiet = await go("verify ocidir://images:v1 --key bob.pub --quiet");
      assert.equal(quiet.out, "");
      assert.equal(
        (await go("verify ocidir://images:v1 --key ann.pub --key bob.pub --threshold 2")).code,
        Exit.Unverified,
      );
      assert.equal((await go("verify ocidir://images:v1 --key ann.pub --threshold 2")).code, Exit.Usage);
      assert.equal((await go("verify ocidir://images:v1 --key ann.key")).code, Exit.Usage);
      assert.equal((await go("verify ocidir://images:v1")).code, Exit.Usage);
      assert.equal((await go("verify")).code, Exit.Usage);
      assert.equal((await go("verify ocidir://images:v2 --key ann.pub")).code, Exit.NotFound);
    });
  });

  test("one bad subject of many fails the whole, and each is told", async () => {
    await withKeys(async (go, cwd) => {
      await imageLayout(join(cwd, "more"), ["v1"]);
      await go("sign ocidir://images:v1 --key ann.key");
      const { code, out } = await go("verify ocidir://images:v1 ocidir://more:v1 --key ann.pub --json");
      assert.equal(code, Exit.Unverified);
      const reports = JSON.parse(out) as { verified: boolean }[];
      assert.deepEqual(
        reports.map(({ verified }) => verified),
        [true, false],
      );
    });
  });

  test("a subject that cannot be looked at fails with its own error, and the others are told of", async () => {
    await withKeys(async (go, cwd) => {
      await imageLayout(join(cwd, "more"), ["v1"]);
      for (const place of ["images", "more"]) await go(`sign ocidir://${place}:v1 --key ann.key`);
      await go("sign ocidir://more:v1 --key bob.key");
      const line = "verify ocidir://images:v1 ocidir://more:v1 --key ann.pub --max-signatures 1 --json";
      const { code, out } = await go(line);
      assert.equal(code, Exit.Content);
      const reports = JSON.parse(out) as { verified: boolean; reason?: string }[];
      assert.deepEqual(
        reports.map(({ verified }) => verified),
        [true, false],
      );
      assert.match(reports[1]?.reason ?? "", /More than 1 signatures/);
    });
  });

  test("a signature of a tag that moved is one of the old digest", async () => {
    await withKeys(async (go, cwd) => {
      await go("sign ocidir://images:v1 --key ann.key");
      await imageLayout(join(cwd, "more"), ["v1"]);
      await go("copy ocidir://more:v1 ocidir://images:v1");
      assert.equal((await go("verify ocidir://images:v1 --key ann.pub")).code, Exit.Unverified);
    });
  });

  test("a plain file, with its bundle", async () => {
    await withKeys(async (go, cwd) => {
      await writeFile(join(cwd, "file"), "content");
      assert.equal((await go("sign --file file --bundle file.json --key ann.key")).code, 0);
      assert.equal((await go("verify --file file --bundle file.json --key ann.pub")).code, 0);
      assert.equal((await go("verify --file - --bundle file.json --key ann.pub", {}, "content")).code, 0);
      assert.equal((await go("verify --file - --bundle file.json --key ann.pub", {}, "other")).code, Exit.Unverified);
      assert.equal((await go("verify --file file --bundle file.json --key bob.pub")).code, Exit.Unverified);
      assert.equal((await go("sign --file file --key ann.key")).code, Exit.Usage);
      assert.equal((await go("sign ocidir://images:v1 --file file --bundle b --key ann.key")).code, Exit.Usage);
    });
  });
});

describe("berth attest and verify-attestation", () => {
  test("print the statement that was signed, and nothing where none counts", async () => {
    await withKeys(async (go, cwd) => {
      await writeFile(join(cwd, "result.json"), '{"passed":true}');
      await go("attest ocidir://images:v1 --key ann.key --type https://example.com/t --predicate result.json");
      const good = await go("verify-attestation ocidir://images:v1 --key ann.pub --type https://example.com/t");
      assert.equal(good.code, 0, good.err);
      assert.deepEqual((JSON.parse(good.out) as { predicate: unknown }).predicate, { passed: true });
      for (const line of ["--key bob.pub", "--key ann.pub --type vuln"]) {
        const bad = await go(`verify-attestation ocidir://images:v1 ${line}`);
        assert.deepEqual([bad.code, bad.out], [Exit.Unverified, ""]);
      }
      const listed = await go("signatures ocidir://images:v1 --format [0].signatures[].predicateType");
      assert.match(listed.out, /example\.com\/t/);
      await writeFile(join(cwd, "bad.json"), "[1]");
      const line = "attest ocidir://images:v1 --key ann.key --type vuln --predicate";
      assert.equal((await go(`${line} bad.json`)).code, Exit.Usage);
      assert.equal((await go(`${line} missing.json`)).code, Exit.Usage);
    });
  });
});
