import type { Signal } from "../store/content.ts";

/** Waits for work that takes no signal itself; once it is aborted, what comes of it is dropped. */
export async function untilAborted<Value>(work: Promise<Value>, { signal }: Signal): Promise<Value> {
  if (!signal) return work;
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
