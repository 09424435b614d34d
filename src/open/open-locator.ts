import { resolve } from "node:path";
import { OciError } from "../error/oci-error.ts";
import { formatLocator, type LayoutLocator, type Locator, type RegistryLocator } from "../spec/locator.ts";
import { decorate } from "../store/decorate.ts";
import type { Store } from "../store/store.ts";
import type { OpenOptions } from "./open-options.ts";
import type { Opened } from "./opened.ts";

/**
 * Opens the store that a locator names; only the medium that is needed is loaded.
 * @throws OciError UNSUPPORTED for archives; NAME_UNKNOWN, LAYOUT_INVALID, FILE_INVALID
 */
export async function openLocator(locator: Locator, options: OpenOptions): Promise<Opened> {
  switch (locator.medium) {
    case "registry":
      return opened(locator, await openRegistryStore(locator, options));
    case "layout":
      return opened(locator, await openLayoutStore(locator, options));
    case "archive":
    case "docker-archive":
      throw new OciError(
        "UNSUPPORTED",
        `This version reads and writes registries and layout directories, not archives: ${formatLocator(locator)}`,
        {
          reference: formatLocator(locator),
          hint:
            options.mode === "create" || options.mode === "plan"
              ? "Write a layout directory and pack it: ocidir://layout as the target, then tar -C layout -cf FILE ."
              : "Extract a layout archive first: mkdir layout && tar -xf FILE -C layout, then use ocidir://layout",
        },
      );
  }
}

function opened(locator: RegistryLocator | LayoutLocator, store: Store): Opened {
  return {
    locator,
    store,
    ...(locator.tag === undefined ? {} : { tag: locator.tag }),
    ...(locator.digest === undefined ? {} : { digest: locator.digest }),
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
    },
  };
}

async function openLayoutStore(locator: LayoutLocator, options: OpenOptions): Promise<Store> {
  const { openLayout } = await import("../layout/open-layout.ts");
  const { mode, signal } = options;
  return openLayout(resolve(options.cwd, locator.path), {
    // Made with the first write, so that a command that fails before leaves nothing.
    ...(mode === "create" || mode === "plan" ? { create: "lazy" } : {}),
    readOnly: mode === "read" || mode === "plan",
    ...(signal === undefined ? {} : { signal }),
  });
}

async function openRegistryStore(locator: RegistryLocator, options: OpenOptions): Promise<Store> {
  const [{ openRemote }, { Connections }, { remoteSettings }] = await Promise.all([
    import("../remote/open-remote.ts"),
    import("./connections.ts"),
    import("./remote-settings.ts"),
    // The client loads it with its first request, which is certain to come: in one go it costs less.
    import("undici"),
  ]);
  const connections = options.connections ?? new Connections();
  const settings = await remoteSettings(locator.host, options, connections);
  const hosts = connections.acquire(options.env);
  const store = await openRemote({ ...settings, repository: locator.repository, hosts });
  let open = true;
  return decorate(store, {
    [Symbol.asyncDispose]: async () => {
      if (!open) return;
      open = false;
      await store[Symbol.asyncDispose]();
      await connections.release();
    },
  });
}
