import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isOciError } from "../../src/error/oci-error.ts";
import { parseJobFile, parsePairs, splitLine } from "../../src/cli/job-file.ts";
import { createMemoryRegistry } from "../../src/memory/memory.ts";
import { serve } from "../../src/server/serve.ts";
import { imageLayout, workFolder } from "./fixture.ts";
import { inside } from "./inside.ts";

interface Report {
  readonly done: number;
  readonly failed: number;
  readonly skipped: number;
  readonly jobs: readonly {
    name: string;
    status: string;
    result?: Record<string, unknown>;
    error?: { code: string };
  }[];
}

function lengthOf(value: unknown): number {
  return Array.isArray(value) ? value.length : -1;
}

describe("a file of jobs", () => {
  test("is YAML, JSON or JSON lines", async () => {
    const jobs = [
      { name: "1", words: ["copy", "a:v1", "b"] },
      { name: "two", words: ["tag", "ls", "it's", "3.20"] },
    ];
    const texts = [
      "- berth copy a:v1 b\n- name: two\n  run: [tag, ls, \"it's\", '3.20']\n",
      JSON.stringify(["copy a:v1 b", { name: "two", run: ["tag", "ls", "it's", "3.20"] }]),
      '"copy a:v1   b"\n\n{"name": "two", "run": "tag ls it\\\\\'s \'3.20\'"}\n',
      "x-words: &w [tag, ls, it's, '3.20']\njobs:\n  - copy a:v1 b\n  - {name: two, run: *w}\n",
    ];
    for (const text of texts) assert.deepEqual((await parseJobFile(text, "jobs")).jobs, jobs, text);
    const told = await parseJobFile("parallel: 2\ncontinueOnError: true\njobs: []\n", "jobs");
    assert.deepEqual(told, { jobs: [], parallel: 2, continueOnError: true });
  });

  test("is plain data: bombs, tags, double keys and numbers are refused", async () => {
    const bomb = ["a: &a [x,x,x,x,x,x,x,x,x,x]"];
    for (const [at, name] of ["b", "c", "d", "e", "f", "g", "h"].entries()) {
      const before = "abcdefgh".charAt(at);
      bomb.push(`${name}: &${name} [${Array.from({ length: 10 }, () => `*${before}`).join(",")}]`);
    }
    const refused = [
      bomb.join("\n"),
      `x-a: &a [x]\n${bomb
        .slice(1)
        .join("\n")
        .replaceAll(/^(\w):/gm, "x-$1:")}\njobs: *h`,
      "- !!js/function 'x'",
      "jobs: []\njobs: []",
      "- [tag, ls, 3.20]",
      "- ''",
      "- {run: copy a b, shell: rm}",
      "- copy 'a b",
      "steps: []",
      "jobs: []\nparallel: 1000",
      "a: [",
      "3",
    ];
    for (const text of refused) {
      await assert.rejects(parseJobFile(text, "jobs"), (error) => isOciError(error, "USAGE"), text);
    }
  });

  test("has lines that are split as a shell does, and nothing more", () => {
    assert.deepEqual(splitLine(`berth copy "a b" 'c "d' e\\ f $HOME *`, "x"), [
      "copy",
      "a b",
      'c "d',
      "e f",
      "$HOME",
      "*",
    ]);
    assert.deepEqual(parsePairs("# list\n\na b\r\n c  d e\n", "x"), [
      { source: "a", targets: ["b"] },
      { source: "c", targets: ["d", "e"] },
    ]);
    assert.throws(() => parsePairs("a b\nc\n", "list"), /line 2 of list/);
  });
});

describe("many commands in one process", () => {
  test("are all done over one set of connections, and reported", async () => {
    const registry = createMemoryRegistry();
    const server = await serve({ registry, host: "127.0.0.1", port: 0 });
    const { host } = new URL(server.url);
    await using folder = await workFolder();
    const cwd = folder.path;
    try {
      await imageLayout(join(cwd, "a"), ["v1", "v2"]);
      await writeFile(
        join(cwd, "jobs.yaml"),
        `- copy ./a:v1 ${host}/one:v1\n- name: missing\n  run: copy ./a:nothing ${host}/two\n- tag ls ./a\n- [copy, "./a:v2", "${host}/three", "./copy"]\n`,
      );
      const ran = await inside(["run", "jobs.yaml", "--continue-on-error", "--json", "--report", "r.json"], { cwd });
      assert.equal(ran.code, 9, ran.err);
      const report = JSON.parse(ran.out) as Report;
      assert.deepEqual([report.done, report.failed, report.skipped], [3, 1, 0]);
      assert.deepEqual(
        report.jobs.map(({ name, status }) => [name, status]),
        [
          ["1", "done"],
          ["missing", "failed"],
          ["3", "done"],
          ["4", "done"],
        ],
      );
      assert.equal(report.jobs[1]?.error?.code, "MANIFEST_UNKNOWN");
      assert.equal(lengthOf(report.jobs[2]?.result?.["tags"]), 2);
      assert.equal(lengthOf(report.jobs[3]?.result?.["targets"]), 2);
      assert.deepEqual(JSON.parse(await readFile(join(cwd, "r.json"), "utf8")), report);
      assert.equal((await inside(["tag", "ls", `${host}/one`], { cwd })).out, "v1\n");
    } finally {
      await server.close(0);
    }
  });

  test("stop at the first failure unless told otherwise; a dry run writes nothing; mistakes are told before", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    await imageLayout(join(cwd, "a"), ["v1"]);
    await writeFile(join(cwd, "jobs"), "- copy ./a:v1 ./b\n- copy ./a:no ./c\n- copy ./a:v1 ./d\n");
    const dry = await inside(["run", "jobs", "--dry-run", "--parallel", "1", "--json"], { cwd });
    assert.equal(dry.code, 9);
    assert.equal((await inside(["tag", "ls", "./b"], { cwd })).code, 3);
    const stopped = await inside(["run", "jobs", "--parallel", "1"], { cwd });
    assert.equal(stopped.code, 9);
    assert.match(stopped.out, /^failed 2 \(copy \.\/a:no \.\/c\): No tag .*\n1 job done, 1 failed, 1 skipped\n$/);
    assert.equal((await inside(["tag", "ls", "./d"], { cwd })).code, 3);
    for (const line of ["serve ./a", "run jobs", "fetch x", "copy --nothing", "copy --help"]) {
      await writeFile(join(cwd, "wrong"), `- copy ./a:v1 ./e\n- ${line}\n`);
      const wrong = await inside(["run", "wrong"], { cwd });
      assert.equal(wrong.code, 2, line);
      assert.match(wrong.err, /Job 2: /);
    }
    assert.equal((await inside(["tag", "ls", "./e"], { cwd })).code, 3);
  });

  test("copy takes a list of pairs, with the same options for each", async () => {
    await using folder = await workFolder();
    const cwd = folder.path;
    await imageLayout(join(cwd, "a"), ["v1", "v2"]);
    const input = "./a:v1 ./b\n# the second\n./a:v2 ./b ./c\n";
    const ran = await inside(["copy", "--from-file", "-", "--parallel", "1", "--json"], { cwd, input });
    assert.equal(ran.code, 0, ran.err);
    assert.equal((JSON.parse(ran.out) as Report).done, 2);
    assert.equal((await inside(["tag", "ls", "./b"], { cwd })).out, "v1\nv2\n");
    const failed = await inside(["copy", "--from-file", "-", "-q"], { cwd, input: "./nothing ./x\n" });
    assert.equal(failed.code, 3);
    assert.equal((await inside(["copy", "./a", "--from-file", "-"], { cwd, input })).code, 2);
  });
});
