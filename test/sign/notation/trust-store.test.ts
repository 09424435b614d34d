import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { isOciError } from "../../../src/error/oci-error.ts";
import { openTrustStore, type TrustStore } from "../../../src/sign/notation/trust-store.ts";
import { issue, issueChain, nameOf, pemOf } from "./authority.ts";

describe("a trust store directory", () => {
  let folder = "";
  let store: TrustStore;
  const write = async (name: string, file: string, content: string | Uint8Array): Promise<string> => {
    const directory = join(folder, "x509", "ca", name);
    await mkdir(directory, { recursive: true });
    const path = join(directory, file);
    await writeFile(path, content);
    return path;
  };
  const refuses = async (name: string, reason: RegExp): Promise<void> => {
    await assert.rejects(store.certificates("ca", name), (error) => {
      assert.ok(isOciError(error, "FILE_INVALID", "LIMIT_EXCEEDED"), String(error));
      assert.match(error.message, reason);
      return true;
    });
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "berth-trust-"));
    store = openTrustStore(folder);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test("files of every kind are read, folders in it and other files are left alone", async () => {
    const [one, two, three] = ["one", "two", "three"].map((name) => issue({ subject: nameOf(["CN", name]) }));
    assert.ok(one && two && three);
    await write("ours", "a.pem", pemOf([one.raw, two.raw]));
    await write("ours", "b.crt", three.raw);
    await write("ours", "c.txt", "not looked at");
    await write("ours/deeper", "d.crt", "not looked at");
    const found = await store.certificates("ca", "ours");
    assert.deepEqual(
      found.map(({ subject }) => subject.slice(0, 6)),
      ["CN=one", "CN=two", "CN=thr"],
    );
    await assert.rejects(store.certificates("tsa", "ours"), (error) => isOciError(error, "FILE_INVALID"));
  });

  test("one that is missing, empty, a link or a file", async () => {
    await refuses("missing", /no trust store ca:missing/);
    await mkdir(join(folder, "x509", "ca", "empty"), { recursive: true });
    await refuses("empty", /no trust store ca:empty/);
    await symlink(join(folder, "x509", "ca", "empty"), join(folder, "x509", "ca", "link"));
    await refuses("link", /no directory/);
    await writeFile(join(folder, "x509", "ca", "file"), "");
    await refuses("file", /no directory/);
  });

  test("a link in it", async () => {
    const path = await write("linked", "a.txt", pemOf([issue().raw]));
    await symlink(path, join(folder, "x509", "ca", "linked", "b.crt"));
    await refuses("linked", /links are not followed/);
  });

  test("what is no certificate, or not a root's, or too large", async () => {
    await write("broken", "a.crt", pemOf([Buffer.from("nothing")]));
    await refuses("broken", /no X\.509 certificate/);
    await write("keys", "a.pem", pemOf([issue().raw]).replaceAll("CERTIFICATE", "PRIVATE KEY"));
    await refuses("keys", /has a PRIVATE KEY in it/);
    await write("leaves", "a.crt", issueChain().raw);
    await refuses("leaves", /neither an authority's nor self-signed/);
    await write("large", "a.crt", Buffer.alloc(2 * 1024 * 1024));
    await refuses("large", /the limit is/);
  });
});
