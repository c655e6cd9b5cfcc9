import { describe, expect, test } from 'vitest';
import type { Column, ForeignKey, TableSchema } from '../../schemas/table-schema.ts';
import type { ValueKind } from '../../schemas/value.ts';
import type { Target } from '../sink.ts';
import { noTableOptions, tableOptionsSchema } from './config.ts';
import { shapeOf, type Layout } from './layout.ts';
import { layoutsOf } from './layouts.ts';

/** `columns` are int4 unless `kinds` says otherwise; a foreign key is written `columns -> table(columns)`. */
function target(
  name: string,
  key: readonly string[],
  foreignKeys: readonly string[] = [],
  kinds: Readonly<Record<string, ValueKind>> = {},
): Target {
  const parsed = foreignKeys.map((text, index): ForeignKey => {
    const [, columns = '', table = '', referenced = ''] = /^(.*) -> (.*)\((.*)\)$/.exec(text) ?? [];
    return {
      name: `${name}_fk${index}`,
      columns: columns.split(', '),
      referencedSchema: 'public',
      referencedTable: table,
      referencedColumns: referenced.split(', '),
    };
  });
  const columns = new Set([...key, ...parsed.flatMap((one) => one.columns), ...Object.keys(kinds)]);
  const table: TableSchema = {
    schema: 'public',
    name,
    key: [...key],
    columns: [...columns].map((column) => ({
      name: column,
      type: kinds[column] ?? 'integer',
      kind: kinds[column] ?? 'int4',
      nullable: !key.includes(column),
    })),
    foreignKeys: parsed,
  };
  return { name, table };
}

function layoutOf(name: string, ...targets: Target[]): Layout {
  return layoutWith({}, name, ...targets);
}

/** `options` are those of the target of that name. */
function layoutWith(options: object, name: string, ...targets: Target[]): Layout {
  const parsed = tableOptionsSchema.parse(options);
  const layout = layoutsOf(targets, (table) => (table.name === name ? parsed : noTableOptions(table))).get(
    name,
  );
  if (layout === undefined) throw new Error(`no layout of ${name}`);
  return layout;
}

function typesOf(name: string, ...targets: Target[]): string[] {
  const layout = layoutOf(name, ...targets);
  return layout.shape === 'node' ? layout.edges.map(({ type }) => type) : [];
}

const places = target('places', ['id']);
const customer = target('customer', ['id']);

describe('a foreign key', () => {
  test('becomes a relationship named after its column', () => {
    const contacts = target('contacts', ['id'], ['place_id -> places(id)']);
    expect(layoutOf('contacts', contacts, places)).toMatchObject({
      shape: 'node',
      label: 'Contacts',
      edges: [{ type: 'PLACE', end: { label: 'Places', properties: ['id'], columns: ['place_id'] } }],
    });
  });

  test('to its own table is one too', () => {
    const employee = target('employee', ['id'], ['reports_to -> employee(id)']);
    expect(typesOf('employee', employee)).toEqual(['REPORTS_TO']);
  });

  test('of several columns is named after the other table, and pairs its columns by name', () => {
    const rooms = target('hotel_rooms', ['house', 'no']);
    const beds = target('beds', ['id'], ['room_no, room_house -> hotel_rooms(no, house)']);
    expect(layoutOf('beds', beds, rooms)).toMatchObject({
      edges: [
        {
          type: 'HOTEL_ROOMS',
          end: { properties: ['no', 'house'], columns: ['room_no', 'room_house'] },
        },
      ],
    });
  });

  test('that would share its type with another adds its constraint, as the other does', () => {
    const trips = target('trips', ['id'], ['place_id -> places(id)', 'place -> places(id)']);
    expect(typesOf('trips', trips, places)).toEqual(['PLACE__trips_fk0', 'PLACE__trips_fk1']);
  });

  test.each([
    ['a table that is no target', ['x_id -> elsewhere(id)']],
    ['a column that the other target lacks', ['code -> places(code)']],
    ['a key of another form', ['text -> places(id)']],
    ['a row that is itself a relationship', ['a, b -> pairs(a, b)']],
  ])('to %s stays a property only', (_, foreignKeys) => {
    const pairs = target('pairs', ['a', 'b'], ['a -> places(id)', 'b -> customer(id)']);
    const from = target('from', ['id'], foreignKeys, { text: 'text' });
    expect(typesOf('from', from, places, customer, pairs)).toEqual([]);
  });
});

describe('where equal values of a foreign key may be two texts', () => {
  /** How a column `code` of this type in both tables, or of another in the one that refers, becomes a relationship. */
  const edges = (kind: ValueKind, own: Partial<Column>, referenced: Partial<Column> = own): unknown[] => {
    const typed = (one: Target, column: Partial<Column>): Target => {
      const columns = one.table.columns.map((each) =>
        each.name === 'code' ? { ...each, kind, type: kind, ...column } : each,
      );
      return { ...one, table: { ...one.table, columns } };
    };
    const to = target('to', ['code']);
    const from = target('from', ['id'], ['code -> to(code)']);
    const layout = layoutOf('from', typed(from, own), typed(to, referenced));
    return layout.shape === 'node' ? layout.edges.map(({ type, by }) => `${type} by ${by}`) : [];
  };

  test.each<[string, ValueKind, Partial<Column>, Partial<Column>?]>([
    ['numeric of two scales', 'numeric', { scale: 2 }, { scale: 3 }],
    ['character of two lengths', 'text', { type: 'character(2)' }, { type: 'character(3)' }],
    ['character and text', 'text', { type: 'text' }, { type: 'character(3)' }],
    ['citext and text', 'text', { type: 'text' }, { type: 'public.citext' }],
  ])('it stays a property: %s', (_, kind, own, referenced) => {
    expect(edges(kind, own, referenced)).toEqual([]);
  });

  test.each<[string, ValueKind, Partial<Column>]>([
    ['numeric without a scale', 'numeric', {}],
    ['citext', 'text', { type: 'public.citext' }],
    ['character without a length', 'text', { type: 'bpchar' }],
    ['interval', 'interval', {}],
    ['jsonb', 'jsonb', {}],
  ])('it is found by value, without placeholders: %s', (_, kind, own) => {
    expect(edges(kind, own)).toEqual(['CODE by value']);
  });

  test.each<[string, ValueKind, Partial<Column>, Partial<Column>?]>([
    ['numeric of one scale', 'numeric', { scale: 0 }],
    ['text and varchar', 'text', { type: 'text' }, { type: 'character varying(9)' }],
    ['character of one length', 'text', { type: 'character(3)' }],
    ['uuid', 'uuid', {}],
  ])('it is found by key where they are one text: %s', (_, kind, own, referenced) => {
    expect(edges(kind, own, referenced)).toEqual(['CODE by key']);
  });
});

describe('a table whose key is two foreign keys', () => {
  const columns = ['customer_id', 'place_id'];
  const keys = ['place_id -> places(id)', 'customer_id -> customer(id)'];

  test('becomes a relationship from the first column of the key to the second', () => {
    const relation = target('customer_place_relation', columns, keys);
    const layout = layoutOf('customer_place_relation', relation, places, customer);
    expect(shapeOf(layout)).toBe(
      'relationship CUSTOMER_PLACE_RELATION from Customer to Places by customer_id, place_id',
    );
  });

  test('becomes one whether or not the other tables are targets', () => {
    const relation = target('customer_place_relation', columns, keys);
    const alone = layoutOf('customer_place_relation', relation);
    expect(alone).toEqual(layoutOf('customer_place_relation', relation, places, customer));
  });

  test.each([
    ['the key has a third column', [...columns, 'since'], keys],
    ['one composite foreign key makes up the key', columns, ['customer_id, place_id -> pairs(a, b)']],
    ['a foreign key lies outside of the key', ['customer_id', 'no'], keys],
    ['a foreign key refers to no key', columns, ['place_id -> places(code)', 'customer_id -> customer(id)']],
  ])('stays a node when %s', (_, key, foreignKeys) => {
    const relation = target('relation', key, foreignKeys);
    expect(layoutOf('relation', relation, places, customer).shape).toBe('node');
  });
});

describe('a foreign key to unique columns that are not the key', () => {
  const towns = target('towns', ['id'], [], { code: 'text', zip: 'int4' });

  test('is a relationship by value, which its end knows of', () => {
    const from = target('from', ['id'], ['town -> towns(code)', 'zip -> towns(code)'], { town: 'text' });
    const edge = { name: 'from_fk0', type: 'TOWN', by: 'value', direction: 'out' };
    expect(layoutOf('from', from, towns)).toMatchObject({ edges: [edge] });
    expect(layoutOf('towns', from, towns)).toMatchObject({ edges: [], incoming: [{ source: 'From', edge }] });
  });

  test('makes no end of a relationship', () => {
    const join = target('join', ['a', 'b'], ['a -> towns(zip)', 'b -> customer(id)']);
    expect(layoutOf('join', join, towns, customer)).toMatchObject({ shape: 'node' });
    expect(() => layoutWith({ as: 'relationship' }, 'join', join, towns, customer)).toThrow(
      /a does not refer to the key by which the nodes of towns are found/,
    );
  });
});

describe('options', () => {
  const trips = target(
    'trips',
    ['id'],
    ['place_id -> places(id)', 'customer_id -> customer(id)', 'a, b -> pairs(a, b)'],
  );
  const pairs = target('pairs', ['a', 'b']);
  const all = [trips, places, customer, pairs];
  const relation = target('relation', ['a', 'b'], ['a -> places(id)', 'b -> customer(id)']);

  test('name labels, types and directions, by column or by constraint', () => {
    const relationships = {
      place_id: 'WENT_TO',
      trips_fk1: { direction: 'in' },
      trips_fk2: { type: 'PAIR' },
    };
    expect(layoutWith({ label: 'Trip', labels: ['Event'], relationships }, 'trips', ...all)).toMatchObject({
      label: 'Trip',
      labels: ['Event'],
      edges: [
        { type: 'WENT_TO', direction: 'out' },
        { type: 'CUSTOMER', direction: 'in' },
        { type: 'PAIR', direction: 'out' },
      ],
    });
  });

  test('that ask for a relationship that is not made are told, those that ask for none are not', () => {
    const relationships = { place_id: 'WENT_TO', customer_id: 'none', trips_fk2: 'PAIR' };
    const join = target('pairs', ['a', 'b'], ['a -> customer(id)', 'b -> customer(id)']);
    expect(layoutWith({ relationships }, 'trips', trips, join)).toMatchObject({
      edges: [],
      notMade: [
        { foreignKey: 'trips_fk0', why: 'the sink does not read public.places' },
        { foreignKey: 'trips_fk2', why: 'the rows of pairs are relationships themselves' },
      ],
    });
    const text = target('places', ['id'], [], { id: 'text' });
    expect(layoutWith({ relationships }, 'trips', trips, text, pairs)).toMatchObject({
      edges: [{ type: 'PAIR' }],
      notMade: [{ foreignKey: 'trips_fk0', why: expect.stringContaining('equal values') }],
    });
  });

  test('of the table at the other end name its label', () => {
    const layouts = layoutsOf(all, ({ name }) =>
      name === 'places' ? tableOptionsSchema.parse({ label: 'Town' }) : tableOptionsSchema.parse({}),
    );
    expect(layouts.get('trips')).toMatchObject({ edges: [{ end: { label: 'Town' } }, {}, {}] });
  });

  test('turn a relationship round, or make it of a table with a key of its own', () => {
    expect(shapeOf(layoutWith({ start: 'b', type: 'WAS_IN' }, 'relation', relation))).toBe(
      'relationship WAS_IN from Customer to Places by a, b',
    );
    const own = target('likes', ['id'], ['a -> places(id)', 'b -> customer(id)']);
    const columns = own.table.columns.map((column) => ({ ...column, nullable: false }));
    const notNull = { ...own, table: { ...own.table, columns } };
    expect(shapeOf(layoutWith({ as: 'relationship' }, 'likes', notNull, places, customer))).toBe(
      'relationship LIKES from Places to Customer by id',
    );
    expect(() => layoutWith({ as: 'relationship' }, 'likes', own)).toThrow(/a may be null/);
  });

  test.each<[string, object, string, RegExp]>([
    ['an index on a column that is not there', { indexes: ['nme'] }, 'trips', /indexes .* no column nme/],
    [
      'a text index on two columns',
      { indexes: [{ columns: ['a', 'b'], type: 'text' }] },
      'trips',
      /one column/,
    ],
    [
      'a foreign key that is not there',
      { relationships: { place: 'X' } },
      'trips',
      /place .* no such foreign key/,
    ],
    ['the type of a table of nodes', { type: 'X' }, 'trips', /type .* stored as nodes/],
    ['the label of a table of relationships', { label: 'X' }, 'relation', /label .* stored as relationships/],
    [
      'a relationship with three possible ends',
      { as: 'relationship' },
      'trips',
      /not exactly two foreign keys/,
    ],
    [
      'a relationship with one end twice',
      { as: 'relationship', start: 'a', end: 'a' },
      'relation',
      /exactly two/,
    ],
  ])('%s is refused', (_, options, name, message) => {
    expect(() => layoutWith(options, name, ...all, relation)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringMatching(message) }),
    );
  });

  test('a further label that another target has is refused', () => {
    expect(() => layoutWith({ labels: ['Places'] }, 'trips', ...all)).toThrow(
      /places and trips .* label Places/,
    );
  });
});

describe('names', () => {
  test('of two labels that are the same are refused', () => {
    expect(() => layoutsOf([target('a_b', ['id']), target('a__b', ['id'])], noTableOptions)).toThrow(
      /a_b and a__b.*label AB/,
    );
  });

  test('of a relationship and of a foreign key from the same label are refused', () => {
    const likes = target(
      'likes',
      ['customer_id', 'place_id'],
      ['customer_id -> customer(id)', 'place_id -> places(id)'],
    );
    const fan = target('customer', ['id'], ['likes_id -> places(id)']);
    expect(() => layoutsOf([likes, fan, places], noTableOptions)).toThrow(/type LIKES from Customer/);
  });

  test('of a column that is kept for the version are refused', () => {
    expect(() => layoutsOf([target('odd', ['id', '__pos'])], noTableOptions)).toThrow(/__pos/);
  });
});
