import { expect, test } from 'vitest';
import { SNAPSHOT_START } from '../postgres/snapshot/snapshot-progress.ts';
import { ProgressSaver } from './progress-saver.ts';

const at = (rows: number) => ({ ...SNAPSHOT_START, rows });

test('one write is on its way at a time, and what is overtaken meanwhile is not written', async () => {
  const written: [string, number][] = [];
  const gate = Promise.withResolvers<void>();
  const saver = new ProgressSaver(
    async (table, { rows }) => {
      await gate.promise;
      written.push([table, rows]);
    },
    () => undefined,
  );
  saver.put('a', at(1));
  for (const rows of [2, 3, 4]) saver.put('a', at(rows));
  saver.put('b', at(9));
  gate.resolve();
  await saver.saved();
  expect(written).toStrictEqual([
    ['a', 1],
    ['a', 4],
    ['b', 9],
  ]);
});

test('a write that fails is told', async () => {
  const failures: string[] = [];
  const saver = new ProgressSaver(
    () => Promise.reject(new Error('refused')),
    ({ message }) => failures.push(message),
  );
  saver.put('a', at(1));
  await saver.saved();
  expect(failures).toStrictEqual(['refused']);
});
