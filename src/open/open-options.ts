import type { Credential } from "../remote/credential.ts";
import type { Connections, Surroundings } from "./connections.ts";

/**
 * "write": it has to exist; "create": made where it is missing; "plan": as "create", but
 * nothing is written: what is missing is an empty store in memory.
 */
export type OpenMode = "read" | "write" | "create" | "plan";

export type { Credential };

export interface OpenOptions extends Surroundings {
  readonly mode: OpenMode;
  /** Instead of those of the Docker config file. */
  readonly credentials?: Credential;
  readonly plainHttp?: boolean;
  /** Accept any TLS certificate. */
  readonly insecure?: boolean;
  /** A PEM file of certificates to trust beside the system's. */
  readonly caFile?: string;
  /** Shared by what is opened with the same; without it each store has connections of its own. */
  readonly connections?: Connections;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: { readonly type: string }) => void;
}
