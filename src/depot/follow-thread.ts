import { parentPort, workerData } from "node:worker_threads";
import { nodeDisk } from "../disk/node-disk.ts";
import type { SqlJob, SqlOutcome } from "../names/sql-database.ts";
import { SqlSession } from "../names/sql-session.ts";
import type { FollowContext } from "./follow-context.ts";
import { failureFrom, type FollowReply, type FollowRequest, type FollowThreadData, unwrap } from "./follow-message.ts";
import { runFollowTask } from "./follow-task.ts";

const port = parentPort;
const { root, catalog } = workerData as FollowThreadData;
const session = new SqlSession(catalog);
session.database.exec("PRAGMA query_only = ON; PRAGMA cache_size = -2000");

const waiting = new Map<number, PromiseWithResolvers<SqlOutcome>>();
let written = 0;

function tell(reply: FollowReply): void {
  port?.postMessage(reply);
}

const context: FollowContext = {
  disk: nodeDisk,
  root,
  catalog: {
    read: session,
    write(job: SqlJob): Promise<SqlOutcome> {
      written += 1;
      const answer = Promise.withResolvers<SqlOutcome>();
      waiting.set(written, answer);
      tell({ type: "write", id: written, job });
      return answer.promise;
    },
  },
  onEvent: (event) => {
    tell({ type: "event", event });
  },
};

port?.on("message", (request: FollowRequest) => {
  switch (request.type) {
    case "task":
      runFollowTask(context, request.task).then(
        (answer) => {
          tell({ type: "done", id: request.id, answer });
        },
        (error: unknown) => {
          tell({ type: "done", id: request.id, answer: failureFrom(error) });
        },
      );
      break;
    case "written": {
      const answer = waiting.get(request.id);
      waiting.delete(request.id);
      try {
        answer?.resolve(unwrap(request.outcome));
      } catch (error) {
        answer?.reject(error);
      }
      break;
    }
    case "close":
      session.close();
      port.close();
      break;
  }
});
