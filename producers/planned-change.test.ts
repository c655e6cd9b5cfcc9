import { expect, test } from 'vitest';
import { TailraceError } from '../core/errors.ts';
import type { TableSchema } from '../schemas/table-schema.ts';
import type { CapturedForm } from './captured-forms.ts';
import { pairForms, planTopic } from './planned-change.ts';

const TABLE: TableSchema = {
  schema: 'public',
  name: 'orders',
  columns: [
    { name: 'id', type: 'integer', kind: 'int4', nullable: false },
    { name: 'note', type: 'text', kind: 'text', nullable: true },
  ],
  key: ['id'],
  foreignKeys: [],
};

function form(change: Partial<CapturedForm> = {}): CapturedForm {
  return {
    oid: 1,
    table: TABLE,
    columns: { id: 1, note: 2 },
    filled: new Set(['id']),
    problem: null,
    ...change,
  };
}

const CONFIG = { pipeline: 'p', snapshot: 'initial', isNameTaken: false } as const;
const WITHOUT_KEY = new TailraceError(
  'TABLE_WITHOUT_KEY',
  'table public.orders has no primary key',
  'add one',
);

test('tables are joined by their oids, whatever their names', () => {
  const renamed = form({ table: { ...TABLE, name: 'purchases' } });
  const made = form({ oid: 3 });
  const dropped = form({ oid: 2 });
  expect(pairForms([form(), dropped], [made, renamed])).toEqual([
    { before: form(), after: renamed },
    { before: dropped, after: null },
    { before: null, after: made },
  ]);
});

test('the same table is nothing, and one that may have nulls now evolves', () => {
  expect(planTopic({ before: form(), after: form() }, CONFIG).effect).toBe('nothing');
  const nullable = { ...TABLE, columns: TABLE.columns.map((column) => ({ ...column, nullable: true })) };
  expect(planTopic({ before: form(), after: form({ table: nullable }) }, CONFIG).effect).toBe('evolve');
});

test('what the watch on the tables would read again is read again', () => {
  const after = form({ columns: { id: 1 }, table: { ...TABLE, columns: TABLE.columns.slice(0, 1) } });
  expect(planTopic({ before: form(), after }, CONFIG)).toEqual({
    effect: 'reread',
    why: 'note dropped',
    fix: null,
  });
  const never = planTopic({ before: form(), after }, { ...CONFIG, snapshot: 'never' });
  expect(never).toMatchObject({ effect: 'evolve', why: expect.stringContaining('old rows stay') as string });
});

test('another key makes the topic anew', () => {
  const after = form({ table: { ...TABLE, key: ['note'] } });
  expect(planTopic({ before: form(), after }, CONFIG)).toMatchObject({
    effect: 'rebuild',
    why: expect.stringMatching(/^TABLE_KEY_CHANGED: /) as string,
  });
});

test('a captured table that can no longer be captured breaks; a new one of that sort is left out', () => {
  const after = form({ problem: WITHOUT_KEY });
  expect(planTopic({ before: form(), after }, CONFIG)).toMatchObject({ effect: 'break', fix: 'add one' });
  expect(planTopic({ before: null, after }, CONFIG)).toMatchObject({ effect: 'nothing', fix: 'add one' });
  expect(planTopic({ before: after, after: form() }, CONFIG)).toMatchObject({ effect: 'reread' });
});

test('a table that was dropped and made anew lets go of the rows of the one before', () => {
  expect(planTopic({ before: null, after: form() }, { ...CONFIG, isNameTaken: true })).toMatchObject({
    effect: 'reread',
    why: expect.stringContaining('the rows of the table before go') as string,
  });
  expect(planTopic({ before: form(), after: null }, CONFIG).effect).toBe('evolve');
});
