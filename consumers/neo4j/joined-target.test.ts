import { expect, test } from 'vitest';
import type { ForeignKey } from '../../schemas/table-schema.ts';
import { makeTarget } from '../../test/sink-contract-model.ts';
import type { Target } from '../sink.ts';
import { joinedTarget } from './joined-target.ts';

const reference = (name: string, column: string, referencedTable: string): ForeignKey => ({
  name,
  columns: [column],
  referencedSchema: 'public',
  referencedTable,
  referencedColumns: ['id'],
});

function target(columns: readonly string[], foreignKeys: readonly ForeignKey[], key = ['id']): Target {
  const made = makeTarget(
    'joined',
    key,
    Object.fromEntries(['id', ...columns].map((name) => [name, { kind: 'int4' as const }])),
  );
  return { ...made, table: { ...made.table, foreignKeys: [...foreignKeys] } };
}

const town = reference('fk_town', 'town_id', 'places');

test('a later schema adds columns and foreign keys and takes none away', () => {
  const city = reference('fk_city', 'city_id', 'places');
  const joined = joinedTarget(target(['town_id'], [town]), target(['city_id'], [city]));
  expect(joined.table.columns.map(({ name }) => name)).toEqual(['id', 'town_id', 'city_id']);
  expect(joined.table.foreignKeys).toEqual([town, city]);
});

test('a foreign key of the same columns stays as it was', () => {
  const known = target(['town_id'], [town]);
  expect(joinedTarget(known, target(['town_id'], [reference('renamed', 'town_id', 'others')]))).toBe(known);
});

test('a schema with another key stands alone', () => {
  const wanted = target(['code'], [], ['code']);
  expect(joinedTarget(target(['code'], [town]), wanted)).toBe(wanted);
});
