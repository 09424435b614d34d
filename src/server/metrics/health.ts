import { errnoOf } from "../../disk/error.ts";

export interface HealthOptions {
  /** Why nothing is served at this moment: it starts, it stops. */
  readonly away: () => string | undefined;
  /** Looks at the storage; what it throws is what is wrong with it. */
  readonly storage: () => Promise<unknown>;
  /** Milliseconds that the storage has for that. 5,000 by default. */
  readonly within?: number;
}

const WITHIN = 5000;

/** Says why a server is not well; undefined when it is. */
export type Health = () => Promise<string | undefined>;

/** Makes the answer to the question whether a server is well. */
export function createHealth({ away, storage, within = WITHIN }: HealthOptions): Health {
  /** One look at a time, however many ask: looks at a disk that hangs must not take all threads that read files. */
  let looking: Promise<string | undefined> | undefined;

  async function look(): Promise<string | undefined> {
    try {
      await storage();
      return undefined;
    } catch (error) {
      return `the storage cannot be read: ${errnoOf(error) ?? "unknown failure"}`;
    }
  }

  return async () => {
    const why = away();
    if (why !== undefined) return why;
    const late = Promise.withResolvers<string>();
    const timer = setTimeout(late.resolve, within, "the storage does not answer");
    try {
      return await Promise.race([(looking ??= look().finally(() => (looking = undefined))), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  };
}
