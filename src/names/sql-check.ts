import { DatabaseSync } from "node:sqlite";
import { isOciError, OciError } from "../error/oci-error.ts";
import { errorOfFailure, failureOf } from "./sql-error.ts";
import { schemaVersion } from "./sql-schema.ts";

/** Opens a catalog's file without a right to change it. */
function reading<T>(path: string, work: (database: DatabaseSync) => T): T {
  try {
    const database = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
    try {
      return work(database);
    } finally {
      database.close();
    }
  } catch (error) {
    throw isOciError(error) ? error : errorOfFailure(failureOf(error), error);
  }
}

/**
 * Reads a catalog's file to its end.
 * @throws OciError CONTENT_DAMAGED; UNSUPPORTED for a file of a later version; IO
 */
export function checkCatalog(path: string): void {
  reading(path, (database) => {
    schemaVersion(database, path);
    const found = database.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
    if (found === "ok") return;
    throw new OciError("CONTENT_DAMAGED", `The catalog ${JSON.stringify(path)} is damaged: ${String(found)}`);
  });
}

/** Copies a catalog as it is now into a new file, also while others write to it. @throws OciError CONTENT_DAMAGED, IO */
export function copyCatalog(path: string, target: string): void {
  reading(path, (database) => database.prepare("VACUUM INTO ?").run(target));
}
