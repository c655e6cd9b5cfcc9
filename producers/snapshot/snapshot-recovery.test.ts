import { expect, test } from 'vitest';
import type { SnapshotTable } from '../postgres/snapshot/chunk-query.ts';
import { SNAPSHOT_START } from '../postgres/snapshot/snapshot-progress.ts';
import { recoveryOf } from './snapshot-recovery.ts';

const table = (...names: string[]): SnapshotTable => ({
  oid: 1,
  table: {
    schema: 'public',
    name: 't',
    columns: names.map((name) => ({ name, type: 'integer', kind: 'int4', nullable: false })),
    key: ['id'],
    foreignKeys: [],
  },
});
const failed = (code: string) => Object.assign(new Error('refused'), { code });
const withCondition = { ...SNAPSHOT_START, request: { id: 'a', where: 'n > 1' } };
const now = (shape: SnapshotTable | null) => () => Promise.resolve(shape);

test('a deadlock is tried again', async () => {
  expect(await recoveryOf(failed('40P01'), table('id'), SNAPSHOT_START, now(null))).toStrictEqual({
    kind: 'again',
  });
});

test('a table that has lost a column is read in its new shape', async () => {
  const shape = table('id');
  const recovery = await recoveryOf(failed('42703'), table('id', 'n'), withCondition, now(shape));
  expect(recovery).toStrictEqual({ kind: 'changed', shape });
});

test('a table that is gone is read no more', async () => {
  expect(await recoveryOf(failed('42P01'), table('id'), SNAPSHOT_START, now(null))).toStrictEqual({
    kind: 'gone',
  });
});

test('a condition that fails ends its request', async () => {
  const recovery = await recoveryOf(failed('22012'), table('id'), withCondition, now(null));
  expect(recovery).toStrictEqual({ kind: 'failed', sqlState: '22012' });
  const unchanged = await recoveryOf(failed('42703'), table('id'), withCondition, now(table('id')));
  expect(unchanged).toStrictEqual({ kind: 'failed', sqlState: '42703' });
});

test('every other error is thrown', async () => {
  const reading = (code: string) => recoveryOf(failed(code), table('id'), SNAPSHOT_START, now(table('id')));
  await expect(reading('22012')).rejects.toThrow('refused');
  await expect(reading('42703')).rejects.toThrow('refused');
  await expect(recoveryOf(failed('57P01'), table('id'), withCondition, now(null))).rejects.toThrow('refused');
});
