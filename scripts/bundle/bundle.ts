/**
 * The command line as a few large files. A start loads about thirty modules, more with every command, and each
 * costs a look-up, a read and a cache file; one file of the same code costs as much as one of them.
 * See docs/design/0010-one-file-to-start.md.
 */
import { copyFileSync, globSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { rolldown } from "rolldown";

interface ModuleInfo {
  readonly importedIds: readonly string[];
}

type Look = (id: string) => ModuleInfo | null;

/** What is loaded together with some modules: they and all that they import, but for what others hold. */
function closure(from: readonly string[], look: Look, others: readonly ReadonlySet<string>[]): ReadonlySet<string> {
  const found = new Set<string>();
  const open = [...from];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    const at = id;
    if (found.has(at) || others.some((other) => other.has(at))) continue;
    found.add(at);
    open.push(...(look(at)?.importedIds ?? []));
  }
  return found;
}

/** What a copy between registries loads besides: most that reaches a registry needs it. */
const COPY = [
  "open/open-locator.ts",
  "open/connections.ts",
  "open/remote-settings.ts",
  "open/open-external.ts",
  "remote/open-remote.ts",
  "transfer/copy-to-all.ts",
];

/** The parts that are loaded whole: by every start, by the parser, by several commands, by a copy. */
function wholeParts(src: string, look: Look): ReadonlyMap<string, ReadonlySet<string>> {
  const start = closure([join(src, "cli/main.ts"), join(src, "cli/commands/version.ts")], look, []);
  const program = closure([join(src, "cli/program.ts")], look, [start]);
  const commands = globSync("cli/commands/**/*.ts", { cwd: src }).map((file) => join(src, file));
  // Each command is a file anyway, since it is loaded by its name.
  const shared = closure(commands, look, [start, program]).difference(new Set(commands));
  const entries = COPY.map((file) => join(src, file));
  return new Map([
    ["start", start],
    ["program", program],
    ["commands", shared],
    ["copying", closure(entries, look, [start, program, shared])],
  ]);
}

/** Folders whose files are loaded one by one, since what they import is large: SQLite, a store of each medium. */
const APART = new Set(["cli", "open"]);

/** Elsewhere a folder is a file: nobody needs a part of it without most of the rest. */
function folderOf(src: string, id: string): string | null {
  const [folder = "", file = ""] = relative(src, id).split(sep);
  // A thread begins when its file is loaded, and in the main thread there is nothing for it to do.
  if (folder === ".." || APART.has(folder) || file.endsWith("-thread.ts")) return null;
  // A server has figures only where they are asked for.
  if (folder === "server" && file === "metrics") return "server-metrics";
  // Whoever reads an index.json has no need of SQLite.
  return folder === "names" && file.startsWith("sql") ? "names-sql" : folder;
}

/**
 * An `import` of one of Node's own modules copies all that it exports, and some of that is loaded when it is looked at:
 * `node:util` has its text decoder and its diff, `node:fs` its streams. What is taken from the module itself is only that.
 */
function takeBuiltins(code: string): string {
  return code.replaceAll(/^import (.+) from "(node:[^"]+)";$/gm, (_line, what: string, id: string) => {
    const module = `globalThis.process.getBuiltinModule("${id}")`;
    const [, whole, names] = /^(?:\* as )?([\w$]+)?(?:, )?(?:\{(.*)\})?$/.exec(what) ?? [];
    const parts = [
      ...(whole === undefined ? [] : [whole]),
      ...(names === undefined ? [] : [`{${names.replaceAll(" as ", ": ")}}`]),
    ];
    return `const ${parts.map((part) => `${part} = ${module}`).join(", ")};`;
  });
}

/** The library that is in the bundle. */
const INSIDE = /^commander(?:\/|$)/;

/** Commander starts subcommands that are programs of their own; berth has none of those. */
function startsPrograms(id: string, importer: string | undefined): boolean {
  return id === "node:child_process" && importer?.includes("/node_modules/commander/") === true;
}

/** In the place of what is left out. */
const NOTHING = "\0nothing";

/** Writes the command line and its worker threads, side by side, into a directory. */
export async function bundle(root: string, directory: string): Promise<void> {
  const src = join(root, "src");
  let parts: ReadonlyMap<string, ReadonlySet<string>> | undefined;
  const build = await rolldown({
    cwd: root,
    platform: "node",
    input: {
      main: "src/cli/main.ts",
      "sql-writer-thread": "src/names/sql-writer-thread.ts",
      "follow-thread": "src/depot/follow-thread.ts",
      "upkeep-thread": "src/cli/upkeep-thread.ts",
    },
    // What every start needs; all other libraries stay where npm puts them.
    external: (id, importer) => /^[^./]/.test(id) && !INSIDE.test(id) && !startsPrograms(id, importer),
    preserveEntrySignatures: false,
    logLevel: "warn",
    checks: { ineffectiveDynamicImport: false },
    plugins: [
      {
        name: "light-builtins",
        resolveId: (id, importer) => (startsPrograms(id, importer) ? NOTHING : undefined),
        load: (id) => (id === NOTHING ? "export default {};" : undefined),
        // Line for line: what the source map says stays true.
        renderChunk: (code) => ({ code: takeBuiltins(code), map: null }),
      },
    ],
  });
  await build.write({
    dir: directory,
    format: "esm",
    sourcemap: true,
    entryFileNames: "[name].js",
    chunkFileNames: "[name].js",
    codeSplitting: {
      includeDependenciesRecursively: false,
      groups: [
        {
          debugName: "parts",
          name: (id, context) => {
            // It waits for the command at its top: a file that others import could not wait for them.
            if (id === join(src, "cli/main.ts")) return null;
            parts ??= wholeParts(src, (module) => context.getModuleInfo(module));
            for (const [part, modules] of parts) if (modules.has(id)) return part;
            return folderOf(src, id);
          },
        },
      ],
    },
  });
  await build.close();
  copyFileSync(join(root, "node_modules/commander/LICENSE"), join(directory, "commander.LICENSE"));
}
