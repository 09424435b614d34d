import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** A mount namespace: what is mounted in it nobody else sees, and it is gone with it. */
export class MountNamespace implements AsyncDisposable {
  readonly #pid: number;
  readonly #end: () => Promise<void>;

  private constructor(pid: number, end: () => Promise<void>) {
    this.#pid = pid;
    this.#end = end;
  }

  static async open(): Promise<MountNamespace> {
    const child = spawn("unshare", ["-m", "--propagation", "private", "sh", "-c", "echo ready; exec sleep infinity"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    const ended = once(child, "close");
    return new MountNamespace(child.pid ?? 0, async () => {
      child.kill("SIGKILL");
      await ended;
    });
  }

  /** What a program is run with so that it runs inside. */
  get prefix(): readonly string[] {
    return ["nsenter", "-t", `${this.#pid}`, "-m", "--"];
  }

  /** Runs a program inside to its end. @throws Error with what it said */
  async run(program: string, ...args: readonly string[]): Promise<void> {
    const [command = "", ...prefix] = this.prefix;
    await execute(command, [...prefix, program, ...args]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#end();
  }
}
