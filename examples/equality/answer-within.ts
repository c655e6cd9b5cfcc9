import type { Reader } from './reader.ts';

const CLOSE_TIMEOUT_MS = 2_000;

/** The promise's result, or an error when it takes longer. The work itself goes on: drivers cannot all be interrupted. */
export async function answerWithin<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new Error(`no answer within ${timeoutMs / 1000} s`));
  }, timeoutMs);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** The same reader, but a store that stops answering becomes an error instead of a wait for ever. */
export function impatient(reader: Reader, timeoutMs: number): Reader {
  return {
    ...reader,
    rows: (table) => pagesWithin(timeoutMs, reader.rows(table)),
    pick: (table, keys) => answerWithin(timeoutMs, reader.pick(table, keys)),
    count: (table) => answerWithin(timeoutMs, reader.count(table)),
    close: () => answerWithin(CLOSE_TIMEOUT_MS, reader.close()),
  };
}

async function* pagesWithin<T>(timeoutMs: number, pages: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = pages[Symbol.asyncIterator]();
  let isDone = false;
  try {
    while (!isDone) {
      const next = await answerWithin(timeoutMs, iterator.next());
      isDone = next.done === true;
      if (next.done !== true) yield next.value;
    }
  } finally {
    // A reader that hangs cannot be told to clean up; closing it is tried later all the same.
    if (!isDone)
      await answerWithin(CLOSE_TIMEOUT_MS, Promise.resolve(iterator.return?.())).catch(() => undefined);
  }
}
