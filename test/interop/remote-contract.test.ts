import { type DockerRegistry, missing, startDockerRegistry } from "../support/docker-registry.ts";
import { openRemote } from "../../src/remote/open-remote.ts";
import { storeContract } from "../contract/store.ts";
import { test } from "node:test";

const absent = missing("docker-registry");
if (absent) {
  test("docker-registry keeps the store contract", (t) => t.skip(absent));
} else {
  storeContract(
    "a repository of docker-registry",
    async () => {
      const registry: DockerRegistry = await startDockerRegistry();
      let count = 0;
      return {
        open: () => openRemote({ host: registry.host, repository: `contract/n${(count += 1)}`, digestTagsKept: 0 }),
        close: () => registry.close(),
      };
    },
    // What version 2.8 cannot; its uploads do go on, but not under an older address.
    {
      guarded: false,
      untag: false,
      resume: false,
      sha512: false,
      opaque: false,
      sparse: false,
      kinds: false,
      ordered: false,
    },
  );
}
