import { expect, test } from 'vitest';
import { Gatherer, type Part } from './gatherer.ts';

const part = (partition: number, ...items: number[]): Part<number> => ({
  topic: 't',
  partition,
  items,
  nextOffset: 1n,
  commit: () => Promise.resolve(),
});

test('parts that come together go into one request', async () => {
  const requests: number[][] = [];
  const gatherer = new Gatherer<number>(100, (parts) => {
    requests.push(parts.flatMap(({ items }) => items));
    return Promise.resolve();
  });
  await Promise.all([gatherer.submit(part(0, 1, 2)), gatherer.submit(part(1, 3))]);
  expect(requests).toStrictEqual([[1, 2, 3]]);
});

test('a request waits for the one before it', async () => {
  let running = 0;
  let most = 0;
  const gatherer = new Gatherer<number>(1, async () => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
  });
  const first = gatherer.submit(part(0, 1));
  const second = first.then(() => gatherer.submit(part(0, 2)));
  await Promise.all([first, gatherer.submit(part(1, 3)), second]);
  expect(most).toBe(1);
});

test('an error reaches every part of its request, and the next request runs', async () => {
  let calls = 0;
  const gatherer = new Gatherer<number>(100, () =>
    ++calls === 1 ? Promise.reject(new Error('down')) : Promise.resolve(),
  );
  const results = await Promise.allSettled([gatherer.submit(part(0, 1)), gatherer.submit(part(1, 2))]);
  expect(results.map(({ status }) => status)).toStrictEqual(['rejected', 'rejected']);
  await expect(gatherer.submit(part(0, 1))).resolves.toBeUndefined();
});
