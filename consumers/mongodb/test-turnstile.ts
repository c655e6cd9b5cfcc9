import { setImmediate as settled } from 'node:timers/promises';
import type { Collection, Document } from 'mongodb';

/** For tests: the writer died, and never saw the answer to its last request. */
export class Crash extends Error {}

/**
 * For tests: lets several writers take their requests to the server in a given order, one at a time. `crashAt` is the number of the
 * request after whose effect a writer dies, so that it never sees the answer.
 */
export function turnstile(order: readonly number[]) {
  const waiting = new Map<number, () => Promise<void>>();
  let running = 0;
  const pass = <Result>(
    writer: number,
    request: () => Promise<Result>,
    crashes: () => boolean,
  ): Promise<Result> =>
    new Promise<Result>((resolve, reject) => {
      waiting.set(writer, async () => {
        await request().then((result) => (crashes() ? reject(new Crash()) : resolve(result)), reject);
      });
    });
  const through = <Stored extends Document>(
    collection: Collection<Stored>,
    writer: number,
    crashes: () => boolean,
  ): Collection<Stored> =>
    new Proxy(collection, {
      get(real, name) {
        if (name === 'bulkWrite')
          return (...all: Parameters<Collection<Stored>['bulkWrite']>) =>
            pass(writer, () => real.bulkWrite(...all), crashes);
        if (name !== 'find')
          throw new Error(`no other request than bulkWrite and find is expected: ${String(name)}`);
        return (filter: Document, options: Document) => {
          const toArray = (): Promise<Document[]> =>
            pass(writer, () => real.find(filter as never, options).toArray(), crashes);
          return {
            toArray,
            async *[Symbol.asyncIterator]() {
              yield* await toArray();
            },
          };
        };
      },
    });
  return {
    through,
    async start(writer: () => Promise<void>) {
      running++;
      await writer().finally(() => running--);
    },
    /** Ends when every writer has ended. */
    async run() {
      for (let turn = 0; running > 0;) {
        await settled();
        const ready = [...waiting.keys()].toSorted((left, right) => left - right);
        const next = ready[(order[turn % order.length] ?? 0) % Math.max(1, ready.length)];
        if (next === undefined) continue;
        const request = waiting.get(next);
        waiting.delete(next);
        await request?.();
        turn++;
      }
    },
  };
}

/** Delivers what a writer that dies did not acknowledge again, as the runtime does. */
export async function untilApplied(apply: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await apply();
      return;
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
    }
  }
}
