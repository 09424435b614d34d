import type { FollowContext } from "./follow-context.ts";
import { type FollowAnswer, type FollowTask, runFollowTask } from "./follow-task.ts";
import type { FollowRunner } from "./follow-worker.ts";

/** Follows on the thread that asks: for programs that serve nobody meanwhile, and for disks that only one thread has. */
export class FollowHere implements FollowRunner {
  readonly #context: FollowContext;

  constructor(context: FollowContext) {
    this.#context = context;
  }

  run(task: FollowTask): Promise<FollowAnswer> {
    return runFollowTask(this.#context, task);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
