import { OciError } from "../error/oci-error.ts";
import { isHost } from "../spec/reference.ts";
import type { Registry } from "../store/store.ts";
import { type ConnectionValues, openHostOf } from "./connection.ts";
import type { Context } from "./context.ts";
import { readDirectory } from "./path-argument.ts";

/** A place of many repositories, and which of them are meant. */
export interface Holdings {
  readonly registry: Registry;
  /** What the names have to begin with. */
  readonly prefix: string;
}

const DIRECTORY = /^(?:\.{0,2}\/|\.{1,2}$|(?:ocidir|oci-dir|oci-layout):|oci:(?!\/\/))/;

/**
 * Opens what has repositories in it: `host[:port][/prefix]`, or a folder of layouts, a depot's included.
 * @throws OciError LOCATOR_INVALID, NAME_UNKNOWN, FILE_INVALID
 */
export async function openHoldings(written: string, options: ConnectionValues, context: Context): Promise<Holdings> {
  if (DIRECTORY.test(written)) {
    const { openRegistry } = await import("../open/open-registry.ts");
    const { registry } = await openRegistry(readDirectory(written, context), { readOnly: true });
    return { registry, prefix: "" };
  }
  const [host = "", ...rest] = written.replace(/^(?:docker|oci):\/\//, "").split("/");
  const prefix = rest.join("/");
  if (!isHost(host)) {
    throw new OciError("LOCATOR_INVALID", `Expected a registry's host or a folder, got ${JSON.stringify(written)}`, {
      hint: "Write host[:port] for a registry, ./folder for a folder of layouts",
    });
  }
  return { registry: await openHostOf(host, options, context), prefix };
}
