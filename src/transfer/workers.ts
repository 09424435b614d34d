/**
 * Does a job for each item, at most `concurrency` at a time. After the first
 * failure none is begun; it is thrown once all that run have ended, so that
 * nothing goes on behind the caller's back.
 */
export async function eachOf<Item>(
  items: Iterable<Item>,
  concurrency: number,
  job: (item: Item) => Promise<void>,
): Promise<void> {
  const waiting = Iterator.from(items);
  let failure: { readonly error: unknown } | undefined;
  const work = async (): Promise<void> => {
    for (let next = waiting.next(); next.done !== true && failure === undefined; next = waiting.next()) {
      try {
        await job(next.value);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  if (failure) throw failure.error;
}
