import { describeOpened, type Opened } from "../open/opened.ts";
import type { OpenMode } from "../open/open-options.ts";
import type { Descriptor } from "../spec/descriptor.ts";
import { formatLocator, type LayoutLocator, type Locator, type RegistryLocator } from "../spec/locator.ts";
import { formatReference } from "../spec/reference.ts";
import { type ConnectionValues, openLocated, readLocator } from "./connection.ts";
import type { Context } from "./context.ts";
import { resolveManifest } from "./resolve.ts";

/** Something that a command line names, resolved to a digest. */
export interface LocatedSubject {
  readonly opened: Opened;
  readonly descriptor: Descriptor;
  /** As messages have it. */
  readonly reference: string;
  /** The repository in a registry, without tag and digest. */
  readonly repository?: string;
}

/** Names resolved at a time. */
const AT_A_TIME = 8;

/**
 * Opens and resolves many locators, each place once: a thousand tags of one repository are one connection.
 * @param scope closes them
 */
export async function openSubjects(
  written: readonly string[],
  mode: OpenMode,
  options: ConnectionValues & { readonly platform?: string | undefined },
  { scope, context }: { readonly scope: AsyncDisposableStack; readonly context: Context },
): Promise<readonly LocatedSubject[]> {
  const places = new Map<string, Opened>();
  const opened: Opened[] = [];
  for (const text of written) {
    const locator = await readLocator(text, context);
    const known = isShared(locator) ? places.get(placeOf(locator)) : undefined;
    if (known && isShared(locator)) {
      opened.push(elsewhere(known, locator));
      continue;
    }
    const fresh = scope.use(await openLocated(text, mode, options, context));
    if (isShared(locator)) places.set(placeOf(locator), fresh);
    opened.push(fresh);
  }
  const { eachOf } = await import("../transfer/workers.ts");
  const subjects: LocatedSubject[] = [];
  await eachOf(opened.entries(), AT_A_TIME, async ([at, each]) => {
    const { locator } = each;
    subjects[at] = {
      opened: each,
      descriptor: await resolveManifest(each, options.platform, context),
      reference: describeOpened(each),
      ...(locator.medium === "registry"
        ? { repository: formatReference({ host: locator.host, repository: locator.repository }) }
        : {}),
    };
  });
  return subjects;
}

/** What two names have in common that one opening serves; archives share theirs anyway. */
function isShared(locator: Locator): locator is RegistryLocator | LayoutLocator {
  return locator.medium === "registry" || locator.medium === "layout";
}

function placeOf(locator: RegistryLocator | LayoutLocator): string {
  const { tag: _tag, digest: _digest, ...place } = locator;
  return formatLocator(place);
}

/** The same store under another name in it. */
function elsewhere({ store }: Opened, locator: RegistryLocator | LayoutLocator): Opened {
  const { tag, digest } = locator;
  return {
    locator,
    store,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
    [Symbol.asyncDispose]: async () => undefined,
  };
}
