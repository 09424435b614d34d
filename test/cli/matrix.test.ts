/**
 * Walks the commands over the media and the ways to mean something in them, and compares what works with the
 * table of docs/matrix.md; `BERTH_WRITE_MATRIX=1 node --test test/cli/matrix.test.ts` writes it.
 */
import assert from "node:assert/strict";
import { copyFile, cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openLayout } from "../../src/layout/open-layout.ts";
import { createMemoryRegistry } from "../../src/memory/memory.ts";
import { serve } from "../../src/server/serve.ts";
import { copy } from "../../src/transfer/copy.ts";
import { toArray } from "../support/content.ts";
import { workFolder } from "./fixture.ts";
import { inside, type RanInside } from "./inside.ts";
import { type Form, FORMS, MEDIA, type MediumName, type Row, ROWS, SIGNER } from "./matrix-rows.ts";
import { writeTrustFiles } from "../sign/notation/trust-files.ts";
import { openServices, type SigstoreServices, tokenOf } from "../sign/sigstore-services.ts";

const PAGE = join(import.meta.dirname, "../../docs/matrix.md");

type Cell = "yes" | "no" | "–";

/** The only things that a medium may refuse, each in one sentence. */
const REFUSALS = [/docker archive/, /is not a medium|cannot hold|holds named images/];

/** Met by every image here: what a policy asks has tests of its own. */
const POLICY = `version: 1
rules:
  - { name: platforms, repositories: ["app"], require: [{ platforms: { include: [linux/amd64] } }] }
`;

describe("the matrix of commands and media", () => {
  let cwd: string;
  let folder: Awaited<ReturnType<typeof workFolder>>;
  let server: Awaited<ReturnType<typeof serve>>;
  let services: SigstoreServices;
  const registry = createMemoryRegistry();
  const digests = new Map<string, string>();
  let count = 0;

  const run = async (line: string): Promise<RanInside> =>
    inside(line.replaceAll("<services>", services.url).split(" "), {
      cwd,
      env: { COSIGN_PASSWORD: "", SIGSTORE_ID_TOKEN: tokenOf(SIGNER) },
    });
  const works = async (line: string): Promise<string> => {
    const { code, out, err } = await run(line);
    assert.equal(code, 0, `${line}\n${err}`);
    return out.trim();
  };

  before(async () => {
    folder = await workFolder();
    cwd = folder.path;
    services = await openServices();
    await writeFile(join(cwd, "root.json"), services.rootBytes);
    await mkdir(join(cwd, "files"));
    await writeFile(join(cwd, "files/a"), "content");
    await writeFile(join(cwd, "policy.yaml"), POLICY);
    const layers = "--layer linux/amd64=files:/ --layer linux/arm64=files:/";
    await works(`image create ocidir://layout:v1 ${layers}`);
    await works("index create ocidir://layout:nested ocidir://layout:v1");
    await works("push ocidir://layout:files files/a --artifact-type a/b");
    await works("attach ocidir://layout:v1 files/a:text/plain --artifact-type text/plain");
    await works("key generate -o key");
    await works("sign ocidir://layout:v1 --key key.key --recursive");
    const at = "--keyless --fulcio-url <services> --rekor-url <services>";
    await works(`sign ocidir://layout:v1 ${at} --recursive`);
    await writeTrustFiles(cwd);
    await works("sign ocidir://layout:v1 --key signer.key --certificate signer.pem --recursive");
    await works("image create ocidir://one:v1 --layer linux/amd64=files:/");
    await works("copy ocidir://one:v1 docker-archive:docker.tar:app:v1");
    await works("copy ocidir://layout oci-archive:archive.tar --all-tags");
    await works("export ocidir://one:v1 one.tar");
    for (const tag of ["v1", "nested", "files"]) digests.set(tag, await works(`digest ocidir://layout:${tag}`));
    digests.set("docker", await works("digest ./docker.tar:v1"));
    const manifest = await works("manifest get ocidir://layout:v1 --platform linux/amd64");
    await writeFile(join(cwd, "manifest.json"), manifest);
    const layerOf = (text: string): string =>
      (JSON.parse(text) as { layers: { digest: string }[] }).layers[0]?.digest ?? "";
    digests.set("blob", layerOf(manifest));
    digests.set("docker blob", layerOf(await works("manifest get ./docker.tar:v1")));
    server = await serve({ registry, host: "127.0.0.1", port: 0 });
    await place("registry");
  });
  after(async () => {
    await server.close(0);
    await services[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  /** A copy of the sample that a command may change, and what is written before a tag or digest in it. */
  async function place(medium: MediumName): Promise<string> {
    const name = `w${(count += 1)}`;
    switch (medium) {
      case "registry": {
        await using source = await openLayout(join(cwd, "layout"), { readOnly: true });
        const tags = await toArray(source.tags());
        const roots = tags.flatMap(({ name: tag, descriptor }) => (descriptor ? [{ descriptor, tags: [tag] }] : []));
        await copy({ source, target: await registry.repository(name), roots });
        return `${new URL(server.url).host}/${name}`;
      }
      case "layout":
        await cp(join(cwd, "layout"), join(cwd, name), { recursive: true });
        return `ocidir://${name}`;
      case "archive":
        await copyFile(join(cwd, "archive.tar"), join(cwd, `${name}.tar`));
        return `oci-archive:${name}.tar`;
      case "docker archive":
        await copyFile(join(cwd, "docker.tar"), join(cwd, `${name}.tar`));
        return `./${name}.tar`;
    }
  }

  /** What a row and a form are in a medium; undefined: there is nothing to ask. */
  function lineOf(row: Row, form: Form | undefined, medium: MediumName, base: string): string | undefined {
    const docker = medium === "docker archive";
    if (docker && (row.needs !== undefined || form === "nested index")) return undefined;
    const tag = row.needs === "artifact" ? "files" : form === "nested index" ? "nested" : "v1";
    const digest = (docker ? digests.get("docker") : digests.get(tag)) ?? "";
    const suffix: Readonly<Record<Form, string>> = {
      tag: `:${tag}`,
      digest: `@${digest}`,
      "tag and digest": `:${tag}@${digest}`,
      platform: `:${tag}`,
      "nested index": `:${tag}`,
    };
    const fresh = docker ? `docker-archive:n${(count += 1)}.tar:app:new` : `${base}:new`;
    const line = row.line
      .replaceAll("{}", `${base}${form === undefined ? "" : suffix[form]}`)
      .replaceAll("{base}", base)
      .replaceAll("{new}", fresh)
      .replaceAll("{blob}", digests.get(docker ? "docker blob" : "blob") ?? "")
      .replaceAll("{out}", `out${(count += 1)}`);
    return form === "platform" || form === "nested index" ? `${line} --platform linux/amd64` : line;
  }

  async function cellOf(row: Row, form: Form | undefined, medium: MediumName, base: string): Promise<[Cell, string]> {
    const line = lineOf(row, form, medium, base);
    if (line === undefined) return ["–", ""];
    const { code, out, err } = await run(line);
    if (code === 0) return ["yes", out.replaceAll(base, "BASE")];
    assert.ok(row.writes && medium === "docker archive", `${line}\n${err}`);
    assert.match(err, /^berth: [^\n]*\n(?:hint: [^\n]*\n)?$/, line);
    assert.ok(
      REFUSALS.some((refusal) => refusal.test(err)),
      `${line}\n${err}`,
    );
    return ["no", ""];
  }

  /** What all forms of a row have in a medium; one word where they agree. */
  async function cellsOf(row: Row, medium: MediumName, printed: Map<string, string>): Promise<string> {
    const cells: [string, Cell][] = [];
    let base = await place(medium);
    for (const form of row.forms.length === 0 ? [undefined] : row.forms) {
      if (row.writes && cells.length > 0) base = await place(medium);
      const [cell, out] = await cellOf(row, form, medium, base);
      cells.push([form ?? "", cell]);
      if (!row.same || medium === "docker archive" || cell !== "yes") continue;
      const key = `${row.words} ${form ?? ""}`;
      assert.equal(out, printed.get(key) ?? out, `${key} prints something else of the ${medium}`);
      printed.set(key, out);
    }
    const asked = cells.filter(([, cell]) => cell !== "–");
    const [first] = asked;
    if (!first) return "–";
    if (asked.every(([, cell]) => cell === first[1])) return first[1];
    return asked.map(([form, cell]) => `${form}: ${cell}`).join(", ");
  }

  test("is what docs/matrix.md says", async () => {
    const printed = new Map<string, string>();
    const lines: string[] = [];
    for (const row of ROWS) {
      const cells: string[] = [];
      for (const medium of MEDIA) cells.push(await cellsOf(row, medium, printed));
      const forms = row.forms.length === FORMS.length ? "all" : row.forms.join(", ") || "–";
      lines.push(`| \`${row.words}\` | ${forms} | ${cells.join(" | ")} |`);
    }
    const page = `# What works on what

Written and checked by \`test/cli/matrix.test.ts\`, which runs each of these. "All" ways to mean something are a tag, a
digest, a tag with a digest, one platform of an index, and one platform of an index inside an index. A dash: there is nothing
of the kind in that medium, so nothing to ask. Each "no" is one clear error and changes nothing; [media.md](media.md) says why.

| command | meant by | ${MEDIA.join(" | ")} |
| --- | --- | ${MEDIA.map(() => "---").join(" | ")} |
${lines.join("\n")}
`;
    if (process.env["BERTH_WRITE_MATRIX"]) await writeFile(PAGE, page);
    assert.equal(page, await readFile(PAGE, "utf8"));
  });
});
