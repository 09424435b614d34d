import type { Credential } from "../remote/credential.ts";
import type { ArchiveOpening, OpenMode } from "./archive-opening.ts";
import type { Archives } from "./archives.ts";
import type { Connections, Surroundings } from "./connections.ts";

export type { Credential, OpenMode };

export interface OpenOptions extends Surroundings, ArchiveOpening {
  readonly cwd: string;
  /** Instead of those of the Docker config file. */
  readonly credentials?: Credential;
  readonly plainHttp?: boolean;
  /** Accept any TLS certificate. */
  readonly insecure?: boolean;
  /** A PEM file of certificates to trust beside the system's. */
  readonly caFile?: string;
  /** Shared by what is opened with the same; without it each store has connections of its own. */
  readonly connections?: Connections;
  /** Shared by what is opened with the same, which is then committed and disposed there. */
  readonly archives?: Archives;
  readonly onEvent?: (event: { readonly type: string }) => void;
}
