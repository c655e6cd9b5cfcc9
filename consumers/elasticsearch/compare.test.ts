import { expect, test } from 'vitest';
import { makeTarget } from '../../test/sink-contract-model.ts';
import { compareIndex, madeOf, type Difference } from './compare.ts';
import { tableOptionsSchema } from './config.ts';
import type { IndexState } from './index-state.ts';
import { wantedIndex } from './wanted-index.ts';

/** An index that holds what these columns and options ask for. */
function stateOf({ ownership, fields, settings }: ReturnType<typeof wantedIndex>): IndexState {
  return {
    name: 'odd-1',
    ownership,
    meta: {},
    properties: fields,
    settings,
    filters: new Map(),
  };
}

const ODD = { ['__proto__']: { kind: 'text' }, constructor: { kind: 'int4' } } as const;
const wantedOf = (columns: Parameters<typeof makeTarget>[2], options: object = {}) =>
  wantedIndex(makeTarget('odd', ['id'], columns), tableOptionsSchema.parse(options));

test('columns with the names of what every object has become fields of an index that exists', () => {
  const found = stateOf(wantedOf({ id: { kind: 'int4' } }));
  const { fields } = compareIndex(found, wantedOf({ id: { kind: 'int4' }, ...ODD }));
  expect(Object.entries(fields).map(([name, { type }]) => [name, type])).toEqual([
    ['__proto__', 'text'],
    ['constructor', 'long'],
  ]);
});

test('the place of such a column is noted', () => {
  const found = stateOf(wantedOf({ id: { kind: 'int4' } }));
  const wanted = wantedOf({ id: { kind: 'int4' }, ...ODD }, { nest: { about: ['constructor'] } });
  expect(compareIndex(found, wanted)).toMatchObject({ fixed: [], isNestNew: true });
  expect(compareIndex(stateOf(wanted), wanted)).toEqual({
    fixed: [],
    changes: [],
    fields: { 'about.constructor': wanted.fields['about.constructor'] },
    settings: {},
    isNestNew: false,
  });
});

test('a change was made where the index is another one afterwards', () => {
  const difference = (what: string, found: unknown): Difference => ({ what, found, wanted: 1 });
  const asked = ['made', 'default', 'set to its default'].map((what, at) =>
    difference(what, at === 1 ? undefined : 5),
  );
  const left = [difference('default', undefined), difference('set to its default', undefined)];
  expect(madeOf(asked, left).map(({ what }) => what)).toEqual(['made', 'set to its default']);
});
