import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compareAll } from './compare-all.ts';
import { compareCounts } from './compare-counts.ts';
import type { Comparison } from './comparison.ts';
import type { HandTable, HandWriter, Texts } from './hand-written.ts';
import {
  EMPTY,
  FULL,
  KEY_COLUMNS,
  KEYED,
  NULL_ROW,
  OTHER_PAIR,
  PAIR,
  PAIR_COLUMNS,
  serverUrl,
  SQL_TYPES,
  THING_COLUMNS,
} from './hand-written.ts';
import type { StoreType } from './reader.ts';

const CHANGES: readonly (readonly [what: string, row: Texts, change: Texts])[] = [
  ['a text', FULL, { name: 'other' }],
  ['a null that became an empty string', NULL_ROW, { name: '' }],
  ['an empty string that became null', EMPTY, { name: null }],
  ['one microsecond of a timestamptz', FULL, { seen_at: '2024-02-29T12:00:00.123457Z' }],
  ['one microsecond of a timestamp', FULL, { made_at: '1999-12-31T23:59:59.999998' }],
  ['one millisecond', FULL, { read_at: '2024-02-29T12:00:00.121Z' }],
  ['one day', FULL, { day: '2024-02-28' }],
  ['the last digit of a numeric(10,2)', FULL, { amount: '12.51' }],
  ['the last digit of a long numeric', FULL, { big: '12345678901234567890.0123456788' }],
  ['the last digit of an int8 beyond 2^53', FULL, { score: '9223372036854775806' }],
  ['the last bit of a float4', FULL, { ratio: '0.10000001' }],
  ['a float8', FULL, { weight: '1.0000000000000002e+300' }],
  ['a boolean', EMPTY, { is_open: 'true' }],
  ['a boolean that became null', EMPTY, { is_open: null }],
  ['one byte', FULL, { data: '/wAC' }],
  ['no bytes that became null', EMPTY, { data: null }],
  ['a number inside jsonb', FULL, { doc: '{"a": [1, 2.50, 9007199254740992, "x", null], "b": {}}' }],
  ['a null inside jsonb', FULL, { doc: '{"a": [1, 2.50, 9007199254740993, "x"], "b": {}}' }],
  ['an SQL null that became a JSON null', NULL_ROW, { doc: 'null' }],
  ['a number inside json', FULL, { raw: '{"b": 1, "a": 3}' }],
];

/** The tests that every store's reader passes: equal rows are equal, and each kind of difference is found and named. */
export function findsEveryDifference(
  type: StoreType,
  openWriter: (url: string) => Promise<HandWriter>,
): void {
  const schema = `eq_${randomBytes(4).toString('hex')}`;
  const things: HandTable = { name: `${schema}_things`, columns: THING_COLUMNS, key: ['id'] };
  const pairs: HandTable = { name: `${schema}_pairs`, columns: PAIR_COLUMNS, key: ['a', 'b'] };
  const keys: HandTable = {
    name: `${schema}_keys`,
    columns: KEY_COLUMNS,
    key: Object.keys(KEY_COLUMNS).filter((name) => name !== 'note'),
  };
  const postgres = new pg.Client({ connectionString: serverUrl('DATABASE_URL') });
  const storeUrl = serverUrl(`${type.toUpperCase()}_URL`);
  const sides = {
    postgresUrl: serverUrl('DATABASE_URL'),
    tables: [`${schema}.things`, `${schema}.pairs`, `${schema}.keys`],
    stores: { store: { type, url: storeUrl } },
  };
  let writer: HandWriter | undefined;

  async function compare(showValues = false): Promise<[Comparison, Comparison, Comparison]> {
    const [first, second, third] = await compareAll({ ...sides, showValues });
    if (first === undefined || second === undefined || third === undefined)
      throw new Error('three tables give three results');
    return [first, second, third];
  }

  beforeAll(async () => {
    await postgres.connect();
    await postgres.query(`CREATE SCHEMA ${schema}`);
    writer = await openWriter(storeUrl);
    for (const [table, rows] of [
      [things, [FULL, NULL_ROW, EMPTY]],
      [pairs, [PAIR, OTHER_PAIR]],
      [keys, [KEYED]],
    ] as const) {
      await createInPostgres(postgres, schema, table, rows);
      await writer.create(table);
      for (const row of rows) await writer.put(table, row);
    }
  });

  afterAll(async () => {
    for (const table of [things, pairs, keys]) await writer?.drop(table);
    await writer?.close();
    await postgres.query(`DROP SCHEMA ${schema} CASCADE`);
    await postgres.end();
  });

  describe(`the comparison with ${type}`, () => {
    test('rows written by hand are equal in every column', async () => {
      const [first, second, third] = await compare(true);
      expect(first).toMatchObject({ error: null, postgresRows: 3, storeRows: 3, samples: [], equal: true });
      expect(second).toMatchObject({ error: null, postgresRows: 2, storeRows: 2, samples: [], equal: true });
      expect(third).toMatchObject({ error: null, postgresRows: 1, storeRows: 1, samples: [], equal: true });
    });

    test('reads a row again by a key of many types', async () => {
      await writer?.put(keys, { ...KEYED, note: 'two' });
      const [, , changed] = await compare();
      await writer?.remove(keys, KEYED);
      const [, , removed] = await compare();
      await writer?.put(keys, KEYED);
      expect(changed.samples).toEqual([expect.stringMatching(/^is_open="true" .*: column note differs$/)]);
      expect(removed.samples).toEqual([
        expect.stringMatching(/ score="9007199254740993": missing in the store$/),
      ]);
    });

    test.each(CHANGES)('finds a change in %s', async (_what, row, change) => {
      const [column = ''] = Object.keys(change);
      await writer?.put(things, { ...row, ...change });
      const [found, untouched] = await compare();
      await writer?.put(things, row);
      expect(found).toMatchObject({ missing: 0, extra: 0, differing: 1, equal: false, error: null });
      expect(found.samples).toEqual([`id="${row['id']}": column ${column} differs`]);
      expect(untouched.equal).toBe(true);
      expect((await compare())[0].equal).toBe(true);
    });

    test('finds a missing row', async () => {
      await writer?.remove(things, EMPTY);
      const [found] = await compare();
      await writer?.put(things, EMPTY);
      expect(found).toMatchObject({ storeRows: 2, missing: 1, extra: 0, differing: 0, equal: false });
      expect(found.samples).toEqual(['id="-3": missing in the store']);
    });

    test('finds an extra row', async () => {
      const extra = { ...NULL_ROW, id: '4' };
      await writer?.put(things, extra);
      const [found] = await compare();
      await writer?.remove(things, extra);
      expect(found).toMatchObject({ storeRows: 4, missing: 0, extra: 1, differing: 0, equal: false });
      expect(found.samples).toEqual(['id="4": not in Postgres']);
    });

    test('finds rows under composite keys, separators inside', async () => {
      await writer?.put(pairs, { ...PAIR, note: 'changed' });
      await writer?.remove(pairs, OTHER_PAIR);
      const [, found] = await compare();
      await writer?.put(pairs, PAIR);
      await writer?.put(pairs, OTHER_PAIR);
      expect(found).toMatchObject({ storeRows: 1, missing: 1, extra: 0, differing: 1, equal: false });
      expect(found.samples).toEqual([
        String.raw`a="x:y\\z" b="1": column note differs`,
        'a="x" b="1": missing in the store',
      ]);
    });

    test('values are shown only on demand', async () => {
      await writer?.put(things, { ...FULL, amount: '12.51' });
      const [hidden] = await compare();
      const [shown] = await compare(true);
      await writer?.put(things, FULL);
      expect(hidden.samples.join()).not.toContain('12.5');
      expect(shown.samples).toEqual([
        'id="9007199254740993": column amount is "12.5" in Postgres, "12.51" in the store',
      ]);
    });

    test('counts live rows on both sides', async () => {
      await writer?.remove(things, EMPTY);
      const counts = await compareCounts(sides);
      await writer?.put(things, EMPTY);
      expect(counts).toMatchObject([
        { postgresRows: 3, storeRows: 2, error: null },
        { postgresRows: 2, storeRows: 2, error: null },
        { postgresRows: 1, storeRows: 1, error: null },
      ]);
    });
  });
}

async function createInPostgres(
  postgres: pg.Client,
  schema: string,
  { name, columns, key }: HandTable,
  rows: readonly Texts[],
): Promise<void> {
  const table = `${schema}.${name.slice(schema.length + 1)}`;
  const defined = Object.entries(columns).map(([column, type]) => `${column} ${SQL_TYPES[type]}`);
  await postgres.query(`CREATE TABLE ${table} (${defined.join(', ')}, PRIMARY KEY (${key.join(', ')}))`);
  const values = Object.values(columns).map((type, at) =>
    type === 'bytea' ? `decode($${at + 1}, 'base64')` : `$${at + 1}`,
  );
  for (const row of rows) {
    const parameters = Object.keys(columns).map((column) => row[column]);
    await postgres.query(`INSERT INTO ${table} VALUES (${values.join(', ')})`, parameters);
  }
}
