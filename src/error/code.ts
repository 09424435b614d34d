/** The codes that the distribution-spec allows in an error body. */
export type SpecCode =
  | "BLOB_UNKNOWN"
  | "BLOB_UPLOAD_INVALID"
  | "BLOB_UPLOAD_UNKNOWN"
  | "DIGEST_INVALID"
  | "MANIFEST_BLOB_UNKNOWN"
  | "MANIFEST_INVALID"
  | "MANIFEST_UNKNOWN"
  | "NAME_INVALID"
  | "NAME_UNKNOWN"
  | "SIZE_INVALID"
  | "UNAUTHORIZED"
  | "DENIED"
  | "UNSUPPORTED"
  | "TOOMANYREQUESTS";

/**
 * The words of failure: the distribution-spec's own (spec.md, "Error Codes"), and what a toolkit
 * meets beside them.
 */
export type ErrorCode =
  | SpecCode
  | "TAG_INVALID"
  | "RANGE_INVALID"
  | "LIMIT_EXCEEDED"
  | "CONFLICT"
  | "USAGE"
  | "LOCATOR_INVALID"
  | "PLATFORM_UNKNOWN"
  | "LAYOUT_INVALID"
  | "ARCHIVE_INVALID"
  | "CONTENT_DAMAGED"
  | "FILE_INVALID"
  | "LOCKED"
  | "IO"
  | "NO_SPACE"
  | "NETWORK"
  | "PROTOCOL"
  | "INTERRUPTED"
  | "CHECK_FAILED"
  | "UNVERIFIED"
  | "REFUSED"
  | "PARTIAL"
  | "INTERNAL";

/** What follows from a code at each edge: the wire, the shell, the reader. */
export interface ErrorFacts {
  /** The distribution-spec code a server answers with. */
  readonly spec: SpecCode;
  /** HTTP status a server answers with. */
  readonly http: number;
  /** Exit code of the command line. */
  readonly exit: number;
  /** What to do about it, one sentence. */
  readonly hint: string;
}

/** Exit codes of the command line; documented in docs/errors.md, which is generated from the table below. */
export const Exit: {
  readonly Ok: 0;
  readonly Failed: 1;
  readonly Usage: 2;
  readonly NotFound: 3;
  readonly Access: 4;
  readonly Content: 5;
  readonly Conflict: 6;
  readonly Network: 7;
  readonly Disk: 8;
  readonly Partial: 9;
  readonly Unverified: 10;
  readonly Refused: 11;
  readonly Interrupted: 130;
} = {
  Ok: 0,
  Failed: 1,
  Usage: 2,
  NotFound: 3,
  Access: 4,
  Content: 5,
  Conflict: 6,
  Network: 7,
  Disk: 8,
  Partial: 9,
  Unverified: 10,
  Refused: 11,
  Interrupted: 130,
};

function facts(spec: SpecCode, http: number, exit: number, hint: string): ErrorFacts {
  return { spec, http, exit, hint };
}

/** One row per code; the server, the command line and docs/errors.md all read it. */
export const ERROR_FACTS: Readonly<Record<ErrorCode, ErrorFacts>> = {
  BLOB_UNKNOWN: facts("BLOB_UNKNOWN", 404, Exit.NotFound, "Check the digest, or push the blob first"),
  BLOB_UPLOAD_INVALID: facts(
    "BLOB_UPLOAD_INVALID",
    400,
    Exit.Failed,
    "Ask the upload for its offset and go on from there",
  ),
  BLOB_UPLOAD_UNKNOWN: facts("BLOB_UPLOAD_UNKNOWN", 404, Exit.NotFound, "Start a new upload"),
  DIGEST_INVALID: facts(
    "DIGEST_INVALID",
    400,
    Exit.Content,
    "A digest is sha256: with 64 lower-case hex digits, or sha512: with 128",
  ),
  MANIFEST_BLOB_UNKNOWN: facts(
    "MANIFEST_BLOB_UNKNOWN",
    404,
    Exit.NotFound,
    "Push what the manifest names before the manifest",
  ),
  MANIFEST_INVALID: facts("MANIFEST_INVALID", 400, Exit.Content, "Look at the manifest with: berth manifest get"),
  MANIFEST_UNKNOWN: facts("MANIFEST_UNKNOWN", 404, Exit.NotFound, "List what is there with: berth tag ls"),
  NAME_INVALID: facts(
    "NAME_INVALID",
    400,
    Exit.Usage,
    "A repository name is lower-case letters, digits and . _ - in parts separated by /",
  ),
  NAME_UNKNOWN: facts("NAME_UNKNOWN", 404, Exit.NotFound, "Check the spelling of the repository or the path"),
  SIZE_INVALID: facts(
    "SIZE_INVALID",
    400,
    Exit.Content,
    "The content is not what its descriptor says; fetch it again from its origin",
  ),
  UNAUTHORIZED: facts(
    "UNAUTHORIZED",
    401,
    Exit.Access,
    "Give credentials with --username and --password-stdin, or log in with berth login",
  ),
  DENIED: facts("DENIED", 403, Exit.Access, "These credentials may not do this; ask the registry's owner"),
  UNSUPPORTED: facts(
    "UNSUPPORTED",
    405,
    Exit.Failed,
    "This medium or registry cannot do this; docs/media.md says which can",
  ),
  TOOMANYREQUESTS: facts("TOOMANYREQUESTS", 429, Exit.Network, "Wait and try again, or lower --concurrency"),
  TAG_INVALID: facts(
    "MANIFEST_INVALID",
    400,
    Exit.Usage,
    "A tag is at most 128 letters, digits and . _ -, and starts with none of . and -",
  ),
  RANGE_INVALID: facts("BLOB_UPLOAD_INVALID", 416, Exit.Failed, "Ask for the size first and stay inside it"),
  LIMIT_EXCEEDED: facts("SIZE_INVALID", 413, Exit.Content, "docs/limits.md lists the limits and how to raise them"),
  CONFLICT: facts("DENIED", 412, Exit.Conflict, "Somebody else changed it meanwhile; look again and repeat"),
  USAGE: facts("UNSUPPORTED", 400, Exit.Usage, "See the command's --help"),
  LOCATOR_INVALID: facts(
    "NAME_INVALID",
    400,
    Exit.Usage,
    "docs/locators.md shows every way to write a source or target",
  ),
  PLATFORM_UNKNOWN: facts("MANIFEST_UNKNOWN", 404, Exit.NotFound, "List the platforms with: berth image inspect"),
  LAYOUT_INVALID: facts("MANIFEST_INVALID", 500, Exit.Content, "Look at it with: berth layout fsck"),
  ARCHIVE_INVALID: facts(
    "MANIFEST_INVALID",
    400,
    Exit.Content,
    "Make the archive again, or extract it with tar to see what is wrong",
  ),
  CONTENT_DAMAGED: facts(
    "BLOB_UNKNOWN",
    500,
    Exit.Content,
    "Find all damage with: berth layout fsck; remove the damaged files from blobs and copy the content again",
  ),
  FILE_INVALID: facts("UNSUPPORTED", 400, Exit.Usage, "Check the path"),
  LOCKED: facts("TOOMANYREQUESTS", 503, Exit.Conflict, "Another process is writing; try again when it is done"),
  IO: facts("UNSUPPORTED", 500, Exit.Disk, "Check the disk, its mount and the permissions"),
  NO_SPACE: facts("SIZE_INVALID", 507, Exit.Disk, "Free some space and run the same command again"),
  NETWORK: facts("UNSUPPORTED", 502, Exit.Network, "Check that the registry is up and the address is right"),
  PROTOCOL: facts("UNSUPPORTED", 502, Exit.Network, "The other side broke the protocol; see what it said with --debug"),
  INTERRUPTED: facts(
    "UNSUPPORTED",
    503,
    Exit.Interrupted,
    "Run the same command again: nothing half done counts, and a copy or push sends only what had not arrived whole",
  ),
  CHECK_FAILED: facts("MANIFEST_INVALID", 400, Exit.Failed, "The report above names each finding"),
  UNVERIFIED: facts(
    "DENIED",
    403,
    Exit.Unverified,
    "The report above says of each signature why it does not count; list all with: berth signatures",
  ),
  REFUSED: facts(
    "DENIED",
    403,
    Exit.Refused,
    "The report above says of each rule what was found and what is missing; look again with: berth verify --policy",
  ),
  PARTIAL: facts(
    "UNSUPPORTED",
    500,
    Exit.Partial,
    "The report names each failure; run the same again, what is done costs little",
  ),
  INTERNAL: facts("UNSUPPORTED", 500, Exit.Failed, "This is a bug in berth; run again with --debug and report it"),
};
