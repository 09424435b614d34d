import type { Command } from "./command.ts";

/** One command as the root knows it, before it is loaded. */
export interface Entry {
  /** `tag ls` */
  readonly words: string;
  /** One line, no period. */
  readonly summary: string;
  readonly load: () => Promise<{ readonly command: Command }>;
}

function entry(words: string, summary: string, load: Entry["load"]): Entry {
  return { words, summary, load };
}

/** Every command, in the order of the help. */
export const table: readonly Entry[] = [
  entry("copy", "Copy an image or artifact with everything that hangs on it", () => import("./commands/copy.ts")),
  entry("export", "Write an image into one tar, for any tool and docker load", () => import("./commands/export.ts")),
  entry("import", "Bring what is in a tar into a registry or layout", () => import("./commands/import.ts")),
  entry("run", "Run many commands of a file in one process", () => import("./commands/run.ts")),
  entry("push", "Push files and folders as an artifact", () => import("./commands/push.ts")),
  entry("pull", "Write the files of an artifact into a directory", () => import("./commands/pull.ts")),
  entry("attach", "Attach files to an image or artifact", () => import("./commands/attach.ts")),
  entry("discover", "Show what hangs on an image or artifact", () => import("./commands/discover.ts")),
  entry("sign", "Sign images, artifacts or plain files", () => import("./commands/sign.ts")),
  entry("verify", "Verify signatures of images, artifacts or plain files", () => import("./commands/verify.ts")),
  entry("attest", "Sign a statement about an image or artifact", () => import("./commands/attest.ts")),
  entry(
    "verify-attestation",
    "Verify signed statements about an image, and print them",
    () => import("./commands/verify-attestation.ts"),
  ),
  entry("signatures", "List every signature on an image, whatever made it", () => import("./commands/signatures.ts")),
  entry(
    "convert-signatures",
    "Write cosign's tags as referrers too, or the other way",
    () => import("./commands/convert-signatures.ts"),
  ),
  entry("key generate", "Make a key pair to sign with", () => import("./commands/key/generate.ts")),
  entry("key import", "Encrypt a private key of another tool", () => import("./commands/key/import.ts")),
  entry("key public", "Print the public key of a private one", () => import("./commands/key/public.ts")),
  entry(
    "promote",
    "Copy an image by a policy and move its tags, with a signed record",
    () => import("./commands/promote.ts"),
  ),
  entry("policy check", "Check a policy's file", () => import("./commands/policy/check.ts")),
  entry("image create", "Build an image from folders and tars", () => import("./commands/image/create.ts")),
  entry("image mod", "Change an image and rebuild the index above it", () => import("./commands/image/mod.ts")),
  entry("image inspect", "Show what an image is made of", () => import("./commands/image/inspect.ts")),
  entry("image append", "Put layers on top of an image", () => import("./commands/image/append.ts")),
  entry("image rebase", "Put an image on a newer base", () => import("./commands/image/rebase.ts")),
  entry("image check-base", "Tell whether an image's base has moved", () => import("./commands/image/check-base.ts")),
  entry("image flatten", "Make one layer of all", () => import("./commands/image/flatten.ts")),
  entry("image ls", "List the files of an image", () => import("./commands/image/ls.ts")),
  entry("image diff", "Show what differs between two images", () => import("./commands/image/diff.ts")),
  entry("image cat", "Print files of an image", () => import("./commands/image/cat.ts")),
  entry("digest", "Print the digest behind a tag", () => import("./commands/digest.ts")),
  entry("manifest get", "Print a manifest, byte for byte", () => import("./commands/manifest/get.ts")),
  entry("manifest head", "Print a manifest's descriptor", () => import("./commands/manifest/head.ts")),
  entry("manifest put", "Store a manifest", () => import("./commands/manifest/put.ts")),
  entry("manifest edit", "Change a manifest in your editor", () => import("./commands/manifest/edit.ts")),
  entry("manifest diff", "Show how two manifests differ", () => import("./commands/manifest/diff.ts")),
  entry("manifest rm", "Remove a manifest and its tags", () => import("./commands/manifest/rm.ts")),
  entry("index create", "Make an index of images", () => import("./commands/index/create.ts")),
  entry("index add", "Add images to an index", () => import("./commands/index/add.ts")),
  entry("index rm", "Take images out of an index", () => import("./commands/index/rm.ts")),
  entry("index ls", "List what an index holds", () => import("./commands/index/ls.ts")),
  entry("blob get", "Write a blob to a file or standard output", () => import("./commands/blob/get.ts")),
  entry("blob head", "Print a blob's size", () => import("./commands/blob/head.ts")),
  entry("blob put", "Store a file as a blob", () => import("./commands/blob/put.ts")),
  entry("blob cp", "Copy a blob, mounted or linked where that is possible", () => import("./commands/blob/cp.ts")),
  entry("blob diff", "Show how two configurations or layers differ", () => import("./commands/blob/diff.ts")),
  entry("blob rm", "Remove a blob", () => import("./commands/blob/rm.ts")),
  entry("tag ls", "List tags", () => import("./commands/tag/ls.ts")),
  entry("tag add", "Point tags at a manifest", () => import("./commands/tag/add.ts")),
  entry("tag mv", "Give a tag another name", () => import("./commands/tag/mv.ts")),
  entry("tag rm", "Remove a tag, and nothing but the tag", () => import("./commands/tag/rm.ts")),
  entry("repo ls", "List the repositories of a registry or folder", () => import("./commands/repo/ls.ts")),
  entry("repo cp", "Copy a repository: every tag with all that hangs on it", () => import("./commands/repo/cp.ts")),
  entry(
    "repo rm",
    "Remove every tag of a repository, and what the tags lead to",
    () => import("./commands/repo/rm.ts"),
  ),
  entry("layout init", "Make an empty layout directory", () => import("./commands/layout/init.ts")),
  entry("layout fsck", "Check every blob and name of a layout", () => import("./commands/layout/fsck.ts")),
  entry("depot reindex", "Rebuild a registry's catalog from its layouts", () => import("./commands/depot/reindex.ts")),
  entry("gc", "Remove what nothing leads to, also while a server works", () => import("./commands/gc.ts")),
  entry("scrub", "Read and hash all blobs, and set damaged ones aside", () => import("./commands/scrub.ts")),
  entry("serve", "Serve a layout, or a folder of them, as a registry", () => import("./commands/serve.ts")),
  entry("login", "Store the credentials of a registry", () => import("./commands/login.ts")),
  entry("logout", "Erase the credentials of a registry", () => import("./commands/logout.ts")),
  entry("completion", "Print a completion script for the shell", () => import("./commands/completion.ts")),
  entry("version", "Print the version of berth and of what it runs on", () => import("./commands/version.ts")),
];

/** What the groups are about. */
export const groups: Readonly<Record<string, string>> = {
  image: "Create, change and inspect images",
  key: "Make and read keys to sign with",
  policy: "Check policies",
  manifest: "Read, write, compare and remove manifests",
  blob: "Read, write, compare and remove blobs",
  tag: "List, add, rename and remove tags",
  repo: "List, copy and remove repositories",
  index: "Make, change and list image indexes",
  layout: "Make and check layout directories",
  depot: "Look after a folder that is served as a registry",
};
