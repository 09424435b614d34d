import { isRead } from "./wire.ts";
import type { ErrorCode } from "../error/code.ts";
import type { Digest } from "../spec/digest.ts";
import { type StatusContext, statusError } from "./answer-error.ts";
import type { ApiAnswer, ApiRequest, Host } from "./host.ts";
import { deleteScope, pullScope, pushScope } from "./scope.ts";

type Call = Omit<ApiRequest, "repository" | "scopes"> & { readonly alsoPull?: string };

/** One repository of a host: paths, scopes and the words of its errors. */
export class RepositoryApi {
  readonly host: Host;
  readonly name: string;

  constructor(host: Host, name: string) {
    this.host = host;
    this.name = name;
  }

  /** `/v2/<name>/<rest>`; names, tags and digests need no escaping in a path. */
  path(rest: string): string {
    return `/v2/${this.name}/${rest}`;
  }

  /** `host/name`, for messages. */
  get label(): string {
    return `${this.host.endpoint.host}/${this.name}`;
  }

  async send(call: Call): Promise<ApiAnswer> {
    const { alsoPull, ...request } = call;
    const own =
      call.method === "DELETE"
        ? deleteScope(this.name)
        : isRead(call.method)
          ? pullScope(this.name)
          : pushScope(this.name);
    const scopes = alsoPull === undefined ? [own] : [own, pullScope(alsoPull)];
    return await this.host.send({ ...request, repository: this.name, scopes });
  }

  /** The error of an answer that is none of those expected. */
  async error(
    answer: ApiAnswer,
    operation: string,
    missing: ErrorCode,
    details: { digest?: Digest; reference?: string } = {},
  ): Promise<Error> {
    const context: StatusContext = { operation, url: this.host.origin, missing, ...details };
    return await statusError(answer, context);
  }
}

/** Runs a request and reads its answer, which is drained and let go in every case. */
export async function withAnswer<T>(sent: Promise<ApiAnswer>, read: (answer: ApiAnswer) => Promise<T> | T): Promise<T> {
  await using answer = await sent;
  return await read(answer);
}

/** A Content-Length as a number, if there is a valid one. */
export function contentLength(answer: ApiAnswer): number | undefined {
  const text = answer.headers["content-length"];
  if (text === undefined || !/^[0-9]+$/.test(text)) return undefined;
  const length = Number(text);
  return Number.isSafeInteger(length) ? length : undefined;
}
