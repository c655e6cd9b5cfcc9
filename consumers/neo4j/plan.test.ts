import { expect, test } from 'vitest';
import type { Column, ForeignKey } from '../../schemas/table-schema.ts';
import type { Target, TargetChange } from '../sink.ts';
import { noTableOptions, optionsSchema } from './config.ts';
import { plan as planOf } from './plan.ts';

const options = optionsSchema.parse({ url: 'bolt://localhost' });
const plan = (change: TargetChange) => planOf(change, options, noTableOptions);

const id = (name: string): Column => ({ name, type: 'integer', kind: 'int4', nullable: false });

const to = (column: string, table: string): ForeignKey => ({
  name: `fk_${column}`,
  columns: [column],
  referencedSchema: 'public',
  referencedTable: table,
  referencedColumns: ['id'],
});

function target(name: string, columns: string[], key: string[], foreignKeys: ForeignKey[] = []): Target {
  return { name, table: { schema: 'public', name, columns: columns.map(id), key, foreignKeys } };
}

const people = target('people', ['id'], ['id']);
const pets = target('pets', ['id', 'owner_id'], ['id']);
const owned = target('pets', ['id', 'owner_id'], ['id'], [to('owner_id', 'people')]);

test('relationships follow the foreign keys', () => {
  const change = { allBefore: [people, pets], allAfter: [people, owned] };
  expect(plan({ ...change, before: pets, after: owned })).toEqual({
    effect: 'evolve',
    why: 'makes relationships OWNER to People (id)',
    fix: null,
  });
  expect(
    plan({ allBefore: change.allAfter, allAfter: change.allBefore, before: owned, after: pets }),
  ).toEqual({
    effect: 'evolve',
    why: 'takes relationships OWNER to People (id) away',
    fix: null,
  });
  expect(plan({ ...change, before: people, after: people }).effect).toBe('nothing');
});

test('a table that becomes a relationship is filled anew', () => {
  const plain = target('walks', ['a', 'b'], ['a', 'b']);
  const join = target('walks', ['a', 'b'], ['a', 'b'], [to('a', 'people'), to('b', 'pets')]);
  const change = { allBefore: [people, pets, plain], allAfter: [people, pets, join] };
  expect(plan({ ...change, before: plain, after: join })).toMatchObject({
    effect: 'rebuild',
    why: 'stored as node Walks by a, b, its table then asks for relationship WALKS from People to Pets by a, b',
  });
});
