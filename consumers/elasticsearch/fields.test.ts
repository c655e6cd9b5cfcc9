import { expect, test } from 'vitest';
import { columnSchema, type TableSchema } from '../../schemas/table-schema.ts';
import type { ValueKind } from '../../schemas/value.ts';
import { tableOptionsSchema } from './config.ts';
import { fieldsOf, type Fields } from './fields.ts';
import { assertOptionsFit } from './table-options.ts';

function tableOf(columns: Readonly<Record<string, ValueKind>>): TableSchema {
  return {
    schema: 'public',
    name: 't',
    key: ['id'],
    columns: Object.entries(columns).map(([name, kind]) =>
      columnSchema.parse({ name, kind, type: kind, nullable: true }),
    ),
    foreignKeys: [],
  };
}

const TABLE = tableOf({ id: 'int4', title: 'text', code: 'uuid', doc: 'jsonb', city: 'text' });

function fieldsWith(options: object): Fields {
  return fieldsOf(TABLE, tableOptionsSchema.parse(options));
}

test.each(['_id', '_source', '__pos', '', 'a..b', '.a', 'b.', ' '])(
  'column %j is refused because it cannot be a field',
  (name) => {
    expect(() => fieldsOf(tableOf({ id: 'int4', [name]: 'text' }))).toThrow(
      /renameColumns|cannot be a field/,
    );
  },
);

test.each(['constructor', 'a.b', 'Key Col', '_own'])('column %j is a field', (name) => {
  expect(fieldsOf(tableOf({ id: 'int4', [name]: 'uuid' }))).toHaveProperty([name], {
    type: 'keyword',
    ignore_above: 8191,
  });
});

test('a parameter alone changes the own field of the column', () => {
  expect(fieldsWith({ fields: { title: { analyzer: 'english' } } })['title']).toEqual({
    type: 'text',
    analyzer: 'english',
    fields: { keyword: { type: 'keyword', ignore_above: 8191 } },
  });
  expect(fieldsWith({ fields: { code: { ignore_above: 36 } } })['code']).toEqual({
    type: 'keyword',
    ignore_above: 36,
  });
});

test.each([
  ['title', { type: 'keyword' }, { type: 'keyword', ignore_above: 8191 }],
  ['title', { type: 'match_only_text' }, { type: 'match_only_text' }],
  ['title', { type: 'integer' }, { type: 'integer', ignore_malformed: true }],
  ['title', { type: 'date', ignore_malformed: false }, { type: 'date', ignore_malformed: false }],
  ['doc', { type: 'flattened' }, { type: 'flattened', ignore_above: 8000 }],
])(
  'another type of %s is %j: it takes any value unless the user says otherwise',
  (column, field, expected) => {
    expect(fieldsWith({ fields: { [column]: field } })[column]).toEqual(expected);
  },
);

test('a copy_to makes its field, a text unless the config says more', () => {
  const copies = { title: { copy_to: ['all', 'city'] }, city: { copy_to: 'all' } };
  expect(fieldsWith({ fields: copies })['all']).toEqual({ type: 'text' });
  expect(fieldsWith({ fields: { ...copies, all: { analyzer: 'simple' } } })['all']).toEqual({
    type: 'text',
    analyzer: 'simple',
  });
  expect(fieldsWith({ fields: copies })['city']).toMatchObject({ type: 'text', copy_to: 'all' });
});

test('columns of an object are fields in it', () => {
  const fields = fieldsWith({ nest: { place: { town: 'city' } }, fields: { city: { type: 'keyword' } } });
  expect(fields['place.town']).toEqual({ type: 'keyword', ignore_above: 8191 });
  expect(fields).not.toHaveProperty('city');
});

test.each([
  [{ fields: { titel: {} } }, 'fields: there is no column "titel" (did you mean "title"?)'],
  [{ fields: { all: {} } }, 'fields: there is no column "all"'],
  [{ routing: 'city' }, 'routing: there is no key column "city"'],
  [{ nest: { place: ['town'] } }, 'nest.place: there is no column "town"'],
  [{ nest: { a: ['city'], b: ['city'] } }, 'nest: city stands in two places'],
  [{ nest: { title: ['city'] } }, 'nest: title is the name of a column too'],
])('options %j do not fit the table', (options, message) => {
  const assert = (): void => assertOptionsFit({ name: 't', table: TABLE }, tableOptionsSchema.parse(options));
  expect(assert).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(message) as string }),
  );
});

test.each([
  { fields: { title: {}, all: {}, city: { copy_to: 'all' } } },
  { routing: 'id' },
  { nest: { city: ['city', 'title'] } },
])('options %j fit the table', (options) => {
  expect(() => {
    assertOptionsFit({ name: 't', table: TABLE }, tableOptionsSchema.parse(options));
  }).not.toThrow();
});

test.each([
  [{ settings: { index: { translog: { durability: 'async' } } } }, 'stays request'],
  [{ settings: { 'index.translog.durability': 'async' } }, 'stays request'],
  [{ index: 'People' }, 'lower case'],
  [{ fields: { title: { properties: {} } } }, 'nest'],
  [{ fields: { title: { type: 5 } } }, 'expected a name'],
  [{ nest: { place: [] } }, 'nest'],
])('options %j are refused', (options, message) => {
  expect(JSON.stringify(tableOptionsSchema.safeParse(options).error?.issues)).toContain(message);
});
