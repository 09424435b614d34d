import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";
import { errnoOf } from "../disk/error.ts";
import { OciError } from "../error/oci-error.ts";

export interface ListenOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** What the user calls the two, for hints: "--host" and "--port". */
  readonly named: { readonly host: string; readonly port: string };
}

export interface Listening {
  readonly url: string;
  readonly address: AddressInfo;
}

/** Has an HTTP server listen. @throws OciError CONFLICT where the port is taken, USAGE, IO */
export async function listen(server: Server, options: ListenOptions): Promise<Listening> {
  try {
    server.listen(options.port, options.host);
    await once(server, "listening");
  } catch (cause) {
    throw cannotListen(cause, options);
  }
  const address = server.address() as AddressInfo;
  const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return { url: `http://${host}:${address.port}`, address };
}

/** Whether only programs on this machine reach an address. */
export function isLocal({ address }: Pick<AddressInfo, "address">): boolean {
  return address === "::1" || /^(?:::ffff:)?127\./.test(address);
}

function cannotListen(cause: unknown, { host, port, named }: ListenOptions): OciError {
  const code = errnoOf(cause);
  const hostHint = `Give an address of this machine with ${named.host}; 0.0.0.0 stands for all of them`;
  switch (code) {
    case "EADDRINUSE":
      return new OciError("CONFLICT", `Port ${port} on ${host} is taken`, {
        hint: `Choose another ${named.port}, or 0 for any free one`,
        cause,
      });
    case "EACCES":
      return new OciError("USAGE", `Port ${port} on ${host} is not for this user`, {
        hint: `Choose a ${named.port} from 1024 on`,
        cause,
      });
    case "EADDRNOTAVAIL":
      return new OciError("USAGE", `This machine has no address ${host}`, { hint: hostHint, cause });
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new OciError("USAGE", `There is no address called ${host}`, { hint: hostHint, cause });
    default:
      return new OciError("IO", `Cannot listen on ${host}:${port}: ${code ?? "unknown failure"}`, {
        hint: "Choose another address or port",
        cause,
      });
  }
}
