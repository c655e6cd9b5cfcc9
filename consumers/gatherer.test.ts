import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Gatherer, type GatherLimits, type Part } from './gatherer.ts';

const part = (partition: number, ...items: number[]): Part<number> => ({
  topic: 't',
  partition,
  items,
  bytes: items.length * 10,
  nextOffset: 1n,
  isCurrent: () => true,
  commit: () => Promise.resolve(),
});

/** A gatherer whose requests end when the test says so. */
function gathering(limits: Partial<GatherLimits> = {}) {
  const requests: { items: number[]; done: PromiseWithResolvers<void> }[] = [];
  const begun: PromiseWithResolvers<void>[] = [];
  const errors: unknown[] = [];
  const place = (number: number) => (begun[number] ??= Promise.withResolvers<void>());
  const gatherer = new Gatherer<number>(
    { maxItems: 100, maxBytes: 1_000_000, lingerMs: 1, ...limits },
    (parts) => {
      const done = Promise.withResolvers<void>();
      requests.push({ items: parts.flatMap(({ items }) => items), done });
      place(requests.length - 1).resolve();
      return done.promise;
    },
    (error) => errors.push(error),
  );
  /** Waits for the request to begin. */
  const request = async (number: number) => {
    await place(number).promise;
    const found = requests[number];
    if (found === undefined) throw new RangeError(`no request ${number}`);
    return found;
  };
  return { gatherer, requests, errors, request };
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  await turn();
  return (await Promise.race([promise.catch(() => undefined), Promise.resolve(pending)])) === pending;
}

test('parts that come together go into one request', async () => {
  const { gatherer, request } = gathering();
  await Promise.all([gatherer.submit(part(0, 1, 2)), gatherer.submit(part(1, 3))]);
  expect((await request(0)).items).toEqual([1, 2, 3]);
});

test('while a request runs the next one is gathered, and it begins afterwards', async () => {
  const { gatherer, requests, request } = gathering();
  await gatherer.submit(part(0, 1));
  const first = await request(0);
  await gatherer.submit(part(0, 2));
  await gatherer.submit(part(1, 3));
  await turn();
  expect(requests).toHaveLength(1);
  first.done.resolve();
  expect((await request(1)).items).toEqual([2, 3]);
});

test.each([{ maxItems: 3 }, { maxBytes: 30 }])(
  'no more than %o waits for the next request',
  async (limit) => {
    const { gatherer, request } = gathering(limit);
    await gatherer.submit(part(0, 0));
    const first = await request(0);
    await gatherer.submit(part(0, 1, 2));
    const full = gatherer.submit(part(1, 3));
    expect(await isPending(full)).toBe(true);
    first.done.resolve();
    await full;
    expect((await request(1)).items).toEqual([1, 2, 3]);
  },
);

test('nothing is applied after a request that failed: its offsets must not be passed over', async () => {
  const { gatherer, requests, errors, request } = gathering({ maxItems: 1 });
  const first = gatherer.submit(part(0, 1));
  const running = await request(0);
  const second = gatherer.submit(part(0, 2));
  running.done.reject(new Error('down'));
  await expect(second).rejects.toThrow('down');
  await expect(gatherer.submit(part(0, 3))).rejects.toThrow('down');
  await expect(first).resolves.toBeUndefined();
  expect(errors).toEqual([new Error('down')]);
  expect(requests).toHaveLength(1);
});

test('closing waits for the request that runs and drops what waits', async () => {
  const { gatherer, requests, errors, request } = gathering({ maxItems: 1 });
  await gatherer.submit(part(0, 1));
  const running = await request(0);
  const waiting = gatherer.submit(part(0, 2));
  const closed = gatherer.close(new Error('over'));
  await expect(waiting).rejects.toThrow('over');
  expect(await isPending(closed)).toBe(true);
  running.done.resolve();
  await closed;
  expect(requests).toHaveLength(1);
  expect(errors).toEqual([]);
});
