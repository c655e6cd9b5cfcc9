import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ChangeEvent } from '../schemas/change-event.ts';
import { makePosition } from '../schemas/position.ts';
import type { Row } from '../schemas/value.ts';
import { bindTransforms } from './chain.ts';
import { transform as filterRows } from './filter-rows.ts';
import { austin, eventOf, grants, places } from './test-event.ts';
import { TransformError } from './transform-error.ts';

function filter(options: unknown) {
  return filterRows.create(filterRows.options.parse(options));
}

function passes(where: unknown, row: Row = austin): boolean {
  return bindTransforms([filter({ where })], places).apply(eventOf(places, 'c', row)) !== null;
}

describe('conditions', () => {
  test.each([
    [{ column: 'name', equals: 'Austin' }, true],
    [{ column: 'name', equals: 'austin' }, false],
    [{ column: 'name', notEquals: 'Dallas' }, true],
    [{ column: 'name', in: ['Dallas', 'Austin'] }, true],
    [{ column: 'name', notIn: ['Dallas', 'Austin'] }, false],
    [{ column: 'name', matches: '^Aus' }, true],
    [{ column: 'name', matches: '^aus' }, false],
    [{ column: 'name', matches: '(?i:^aus)' }, true],
    [{ column: 'id', equals: 7 }, true],
    [{ column: 'id', in: ['7', 8] }, true],
    [{ column: 'population', greaterThan: 961_854, lessThan: 961_856 }, true],
    [{ column: 'population', atLeast: 961_855, atMost: 961_855 }, true],
    [{ column: 'population', greaterThan: 961_855 }, false],
    [{ column: 'budget', equals: 12.5 }, true],
    [{ column: 'budget', lessThan: '12.500000000000000000000000000001' }, true],
    [{ column: 'ratio', equals: 0.1 }, true],
    [{ column: 'founded', lessThan: '1840-01-01' }, true],
    [{ column: 'founded', greaterThan: '0001-01-01 BC' }, true],
    [{ column: 'seen_at', greaterThan: '2024-02-29T12:00:00.123455Z' }, true],
    [{ column: 'seen_at', greaterThan: '2024-03-01' }, false],
    [{ column: 'seen_at', lessThan: 'infinity' }, true],
    [{ column: 'active', equals: true }, true],
    [{ column: 'active', notEquals: true }, false],
    [{ column: 'code', equals: 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11' }, true],
    [{ column: 'seal', isNull: false }, true],
    [{ column: 'seal', isNull: true }, false],
    [
      [
        { column: 'name', equals: 'Austin' },
        { column: 'active', equals: false },
      ],
      false,
    ],
  ])('%j lets Austin through: %s', (where, expected) => {
    expect(passes(where)).toBe(expected);
  });

  test('int8 is compared beyond 2^53 exactly', () => {
    const row = { ...austin, id: 9_007_199_254_740_993n };
    expect(passes({ column: 'id', equals: '9007199254740993' }, row)).toBe(true);
    expect(passes({ column: 'id', equals: 9_007_199_254_740_991n + 1n }, row)).toBe(false);
  });

  test('special numbers and times have the order that Postgres gives them', () => {
    expect(passes({ column: 'budget', greaterThan: 'Infinity' }, { ...austin, budget: 'NaN' })).toBe(true);
    expect(passes({ column: 'ratio', equals: 'NaN' }, { ...austin, ratio: Number.NaN })).toBe(true);
    expect(passes({ column: 'ratio', lessThan: 0 }, { ...austin, ratio: Number.NEGATIVE_INFINITY })).toBe(
      true,
    );
    expect(passes({ column: 'founded', atLeast: '2024-01-01' }, { ...austin, founded: 'infinity' })).toBe(
      true,
    );
    expect(
      passes({ column: 'founded', lessThan: '0044-03-16 BC' }, { ...austin, founded: '0044-03-15 BC' }),
    ).toBe(true);
  });

  test('null fulfils isNull: true and nothing else, as in SQL', () => {
    const row = { ...austin, email: null };
    expect(passes({ column: 'email', isNull: true }, row)).toBe(true);
    expect(passes({ column: 'email', isNull: false }, row)).toBe(false);
    expect(passes({ column: 'email', notEquals: 'x' }, row)).toBe(false);
    expect(passes({ column: 'email', notIn: ['x'] }, row)).toBe(false);
    expect(passes({ column: 'email', matches: '' }, row)).toBe(false);
  });

  test.each([
    [{ column: 'nmae', equals: 'x' }, 'no column "nmae"; its columns are id, name,'],
    [{ column: 'population', equals: 'many' }, 'column population (int4) can only be compared with numbers'],
    [{ column: 'id', equals: 2 ** 53 }, 'put it in quotes'],
    [{ column: 'name', equals: 501 }, 'column name (text) can only be compared with a text'],
    [{ column: 'name', lessThan: 'B' }, 'lessThan cannot be used'],
    [{ column: 'active', equals: 1 }, 'can only be compared with true or false'],
    [{ column: 'founded', equals: '1839-13-27' }, 'can only be compared with a date or time'],
    [{ column: 'founded', equals: 'yesterday' }, 'can only be compared with a date or time'],
    [{ column: 'population', matches: '1' }, 'matches cannot be used'],
    [{ column: 'seal', equals: 'x' }, 'column seal (bytea) can only be tested with isNull'],
  ])('%j does not fit the table', (where, problem) => {
    const schema = () => filter({ where }).schema(places);
    expect(schema).toThrow(TransformError);
    expect(schema).toThrow(problem);
    expect(schema).toThrow('filterRows on public.places');
  });

  test.each([
    [{ where: { column: 'name' } }, 'expected an operator'],
    [{ where: { column: 'name', equals: null } }, 'for null use isNull'],
    [{ where: { column: 'name', like: 'A%' } }, 'unknown key "like"; allowed: column, equals,'],
    [{ where: { column: 'name', matches: '(' } }, 'not a regular expression'],
    [{ where: { column: 'name', isNull: true, equals: 'x' } }, 'isNull: true goes with no other operator'],
    [{ where: [] }, '>=1'],
    [{ tables: ['places'], where: { column: 'name', equals: 'x' } }, 'schema.table'],
    [{}, 'expected array'],
  ])('the options %j are refused', (options, problem) => {
    const [issue] = filterRows.options.safeParse(options).error?.issues ?? [];
    expect(issue?.message).toContain(problem);
  });
});

describe('events', () => {
  const bound = bindTransforms([filter({ where: { column: 'active', equals: true } })], places);
  const hidden = { ...austin, name: 'secret', active: false };

  test('the schema stays the same object', () => {
    expect(bound.table).toBe(places);
  });

  test('a row that passes goes on as it is', () => {
    for (const op of ['c', 'r', 'u'] as const) {
      const event = eventOf(places, op, austin, op === 'u' ? austin : null);
      expect(bound.apply(event)).toBe(event);
    }
  });

  test('a new row and a snapshot row that do not pass go nowhere', () => {
    expect(bound.apply(eventOf(places, 'c', hidden))).toBeNull();
    expect(bound.apply(eventOf(places, 'r', hidden))).toBeNull();
  });

  test('an update that stops to pass becomes a delete with the same key, position and old row', () => {
    const event = eventOf(places, 'u', hidden, austin);
    expect(bound.apply(event)).toStrictEqual({ ...event, op: 'd', after: null });
    expect(bound.apply({ ...event, before: null })).toStrictEqual({
      ...event,
      op: 'd',
      before: { id: 7n },
      after: null,
    });
  });

  test('a delete goes on, whatever the old row was', () => {
    const event = eventOf(places, 'd', austin);
    expect(bound.apply(event)).toBe(event);
    expect(bound.apply(eventOf(places, 'd', { id: 7n }))).toStrictEqual(eventOf(places, 'd', { id: 7n }));
  });

  test('of an old row that does not pass only the key gets through', () => {
    expect(bound.apply(eventOf(places, 'u', austin, hidden))?.before).toStrictEqual({ id: 7n });
    expect(bound.apply(eventOf(places, 'u', hidden, hidden))?.before).toStrictEqual({ id: 7n });
    expect(bound.apply(eventOf(places, 'd', hidden))?.before).toStrictEqual({ id: 7n });
  });

  test('other tables pass untouched, even when they lack the column', () => {
    const event = eventOf(grants, 'c', { customer: 1, place_id: 2n, backup_id: null });
    const limited = filter({ tables: ['public.places'], where: { column: 'active', equals: true } });
    expect(bindTransforms([limited], grants).apply(event)).toBe(event);
  });
});

test('after any history a store holds exactly the rows that pass, and no other row ever got through', () => {
  const state = fc.option(fc.record({ population: fc.integer({ min: 0, max: 9 }), name: fc.string() }));
  const histories = fc.array(fc.record({ id: fc.bigInt(0n, 3n), state }), { maxLength: 30 });
  const bound = bindTransforms([filter({ where: { column: 'population', atLeast: 5 } })], places);
  const fits = (row: Row) => Number(row['population']) >= 5;
  fc.assert(
    fc.property(histories, fc.boolean(), (history, hasFullBefore) => {
      const source = new Map<bigint, Row>();
      const store = new Map<unknown, Row>();
      for (const [index, event] of changes(history, source, hasFullBefore).entries()) {
        const out = bound.apply({ ...event, position: makePosition(1n, index + 1) });
        for (const row of [out?.after, out?.before]) {
          if (row != null && Object.keys(row).length > 1) expect(fits(row)).toBe(true);
        }
        if (out?.after != null) store.set(out.key['id'], out.after);
        else if (out !== null) store.delete(out.key['id']);
      }
      expect(store).toStrictEqual(new Map([...source].filter(([, row]) => fits(row))));
    }),
  );
});

/** The events of a random history, applied to `source` as Postgres would. */
function changes(
  history: readonly { id: bigint; state: Row | null }[],
  source: Map<bigint, Row>,
  hasFullBefore: boolean,
): ChangeEvent[] {
  return history.flatMap(({ id, state }) => {
    const old = source.get(id);
    if (state === null) {
      source.delete(id);
      return old === undefined ? [] : [eventOf(places, 'd', hasFullBefore ? old : { id })];
    }
    const row = { ...austin, ...state, id };
    source.set(id, row);
    return [eventOf(places, old === undefined ? 'c' : 'u', row, hasFullBefore ? (old ?? null) : null)];
  });
}
