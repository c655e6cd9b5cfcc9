import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeRecord, type DecodedRecord } from './decode-record.ts';
import { openPipeline, type Pipeline } from './harness.ts';
import { murmur2, partitionOf } from './murmur2.ts';
import { insertKinds, KINDS_TABLE, kindsRows } from './kinds-of-values.ts';

const PARTITIONS = 5;
const TABLES = `
  CREATE TABLE items (id int PRIMARY KEY, name text, n int);
  CREATE TABLE moves (id int PRIMARY KEY, note text);
  CREATE TABLE pairs (left_id int, right_id text, n int, PRIMARY KEY (right_id, left_id));
  CREATE TABLE kept (id int PRIMARY KEY, n int);
  CREATE TABLE busy (id int PRIMARY KEY, n int);
  CREATE TABLE long_texts (id int PRIMARY KEY, n int, body text, more text);
  CREATE TABLE long_texts_full (id int PRIMARY KEY, n int, body text, more text);
  ALTER TABLE long_texts_full REPLICA IDENTITY FULL;
  CREATE TABLE full_rows (id int PRIMARY KEY, n int);
  ALTER TABLE full_rows REPLICA IDENTITY FULL;
  CREATE SCHEMA "Büro";
  CREATE TABLE "Büro"."Straße & Weg" ("Id Nr." int PRIMARY KEY, "größe" numeric, "a""b" text);
  ${KINDS_TABLE}`;

/** What Postgres stores out of line, since random digits do not compress below its limit. */
const LONG_TEXT = `(SELECT string_agg(md5(g::text || $1), '') FROM generate_series(1, 3200) g)`;

describe('murmur2 of the tests', () => {
  test("has the values that Kafka's own test names", () => {
    const hashes = ['21', 'foobar', 'a-little-bit-long-string', 'abc'].map((text) =>
      murmur2(Buffer.from(text)),
    );
    expect(hashes).toEqual([-973932308, -790332482, -985981536, 479470107]);
  });
});

describe.each([
  ['JSON', false],
  ['Avro', true],
])('in %s', (_format, avro) => {
  let pipeline: Pipeline;

  beforeAll(async () => {
    pipeline = await openPipeline({
      sql: `${TABLES}; ${insertKinds(1)}`,
      sinks: { cache: 'redis' },
      source: { tables: ['public.*', 'Büro.*'] },
      partitions: PARTITIONS,
      avro,
    });
    pipeline.start('all');
    await pipeline.untilCaughtUp();
  });

  afterAll(() => pipeline[Symbol.asyncDispose]());

  /** Runs the statements, each text a transaction of its own, and returns all records of a topic. */
  async function change(topic: string, ...transactions: string[]): Promise<DecodedRecord[]> {
    for (const sql of transactions) await pipeline.database.query(sql);
    await pipeline.untilCaptured();
    const records = await pipeline.records(topic);
    const decoded = await Promise.all(records.map(decodeRecord));
    return decoded.toSorted((left, right) =>
      (left.headers['tailrace.position'] ?? '').localeCompare(right.headers['tailrace.position'] ?? ''),
    );
  }

  async function wal(): Promise<{ lsn: bigint; ms: number }> {
    const [row] = await pipeline.database.query<{ lsn: string; ms: number }>(
      "SELECT (pg_current_wal_insert_lsn() - '0/0')::text AS lsn, extract(epoch FROM clock_timestamp()) * 1000 AS ms",
    );
    return { lsn: BigInt(row?.lsn ?? 0), ms: Number(row?.ms) };
  }

  test('an insert, an update and a delete become c, u, d and a tombstone with the envelope of Debezium', async () => {
    const before = await wal();
    const records = await change(
      'public.items',
      `INSERT INTO items VALUES (1, 'one', 1)`,
      `UPDATE items SET n = 2 WHERE id = 1`,
      `DELETE FROM items WHERE id = 1`,
    );
    const after = await wal();
    expect(records.map(({ value }) => value?.op)).toEqual(['c', 'u', 'd', undefined]);
    expect(records.map(({ value }) => value?.after)).toEqual([
      { id: '1', name: 'one', n: '1' },
      { id: '1', name: 'one', n: '2' },
      null,
      undefined,
    ]);
    expect(records.map(({ value }) => value?.before)).toEqual([
      null,
      null,
      expect.objectContaining({ id: '1' }),
      undefined,
    ]);
    let last = before.lsn;
    for (const { value, key, headers, timestampMs } of records) {
      expect(key).toEqual({ id: '1' });
      if (value === null) continue;
      const { source } = value;
      expect(source).toMatchObject({
        connector: 'postgresql',
        name: pipeline.name,
        db: pipeline.database.name,
        schema: 'public',
        table: 'items',
        snapshot: 'false',
        ordinal: '1',
        txId: expect.stringMatching(/^\d+$/),
        sequence: `["${String(source['commit_lsn'])}","${String(source['lsn'])}"]`,
      });
      expect(value.transaction).toBeNull();
      const [lsn, commitLsn] = [BigInt(source['lsn'] ?? -1), BigInt(source['commit_lsn'] ?? -1)];
      expect(lsn).toBeGreaterThanOrEqual(last);
      expect(commitLsn).toBeGreaterThan(lsn);
      expect(commitLsn).toBeLessThan(after.lsn);
      last = commitLsn;
      expect(headers['tailrace.position']).toBe(hex16(commitLsn) + hex16(1n));
      const commitMs = Number(source['ts_us']) / 1000;
      expect(commitMs).toBeGreaterThanOrEqual(before.ms);
      expect(commitMs).toBeLessThanOrEqual(after.ms);
      expect(source['ts_ms']).toBe(String(Math.floor(commitMs)));
      expect(timestampMs).toBe(Math.floor(commitMs));
      expect(Number(value.ts_ms)).toBeGreaterThanOrEqual(Math.floor(commitMs));
    }
    const [deleted, tombstone] = records.slice(2);
    expect(tombstone?.keyBytes).toEqual(deleted?.keyBytes);
    expect(tombstone?.offset).toBe((deleted?.offset ?? 0n) + 1n);
    expect(tombstone?.headers).toEqual(deleted?.headers);
  });

  test('a transaction names one commit, and its changes are numbered in their order', async () => {
    const records = await change(
      'public.busy',
      `INSERT INTO busy VALUES (1, 0); UPDATE busy SET n = 1; INSERT INTO busy VALUES (2, 0); UPDATE busy SET n = n + 10;
       DELETE FROM busy WHERE id = 2; INSERT INTO busy VALUES (2, 5); UPDATE busy SET n = 6 WHERE id = 2`,
    );
    const events = records.filter(({ value }) => value !== null);
    expect(
      events.map(({ value }) => `${value?.op} ${String((value?.after ?? value?.before)?.['n'])}`),
    ).toEqual(
      ['c 0', 'u 1', 'c 0', 'u 11', 'u 10', 'd null', 'c 5', 'u 6'].map((text) =>
        avro ? text : text.replace('d null', 'd undefined'),
      ),
    );
    expect(events.map(({ value }) => value?.source['ordinal'])).toEqual([
      '1',
      '2',
      '3',
      '4',
      '5',
      '6',
      '7',
      '8',
    ]);
    expect(new Set(events.map(({ value }) => value?.source['commit_lsn'])).size).toBe(1);
    expect(new Set(events.map(({ value }) => value?.source['txId'])).size).toBe(1);
  });

  test('records lie in the partition that murmur2 of their key names, one key in order', async () => {
    const records = await change(
      'public.moves',
      `INSERT INTO moves SELECT g, 'first' FROM generate_series(1, 40) g`,
      `UPDATE moves SET note = 'second'`,
    );
    expect(records).toHaveLength(80);
    expect(new Set(records.map(({ partition }) => partition)).size).toBe(PARTITIONS);
    const offsets = new Map<string, bigint>();
    for (const { partition, keyBytes, offset } of records) {
      expect(partition).toBe(partitionOf(keyBytes, PARTITIONS));
      const key = keyBytes.toString('hex');
      expect(offset).toBeGreaterThan(offsets.get(key) ?? -1n);
      offsets.set(key, offset);
    }
  });

  test('a changed primary key becomes a delete of the old key, its tombstone and an insert of the new key', async () => {
    const all = await change('public.moves', `UPDATE moves SET id = id + 1000, note = 'moved' WHERE id = 7`);
    const records = all.slice(-3);
    expect(records.map(({ value, key }) => [value?.op, key])).toEqual([
      ['d', { id: '7' }],
      [undefined, { id: '7' }],
      ['c', { id: '1007' }],
    ]);
    expect(records.at(-1)?.value?.after).toEqual({ id: '1007', note: 'moved' });
    expect(
      records.map(({ headers }) => Number.parseInt(headers['tailrace.position']?.slice(16) ?? '', 16)),
    ).toEqual([1, 1, 2]);
  });

  test('keys that trade places within a transaction end as Postgres has them', async () => {
    await change(
      'public.moves',
      `UPDATE moves SET id = 5000 WHERE id = 1; UPDATE moves SET id = 1 WHERE id = 2; UPDATE moves SET id = 2 WHERE id = 5000`,
    );
    await pipeline.untilCaughtUp();
    await pipeline.expectEqual(['public.moves']);
  });

  test("a composite key has the key's columns in the key's order", async () => {
    const records = await change(
      'public.pairs',
      `INSERT INTO pairs VALUES (1, 'a', 1), (1, 'b', 2), (2, 'a', 3)`,
      `UPDATE pairs SET n = 20 WHERE left_id = 1 AND right_id = 'b'`,
      `DELETE FROM pairs WHERE left_id = 2`,
      `UPDATE pairs SET right_id = 'c' WHERE left_id = 1 AND right_id = 'a'`,
    );
    expect(records.map(({ value, key }) => `${value?.op} ${JSON.stringify(key)}`)).toEqual([
      'c {"right_id":"a","left_id":"1"}',
      'c {"right_id":"b","left_id":"1"}',
      'c {"right_id":"a","left_id":"2"}',
      'u {"right_id":"b","left_id":"1"}',
      'd {"right_id":"a","left_id":"2"}',
      'undefined {"right_id":"a","left_id":"2"}',
      'd {"right_id":"a","left_id":"1"}',
      'undefined {"right_id":"a","left_id":"1"}',
      'c {"right_id":"c","left_id":"1"}',
    ]);
  });

  test('what is rolled back, whole or to a savepoint, leaves no trace', async () => {
    const client = await pipeline.database.connect();
    await client.query('BEGIN');
    await client.query('INSERT INTO kept VALUES (1, 1)');
    await client.query('ROLLBACK');
    await client.query('BEGIN');
    await client.query('INSERT INTO kept VALUES (2, 2)');
    await client.query('SAVEPOINT here');
    await client.query('INSERT INTO kept VALUES (3, 3)');
    await client.query('UPDATE kept SET n = 99');
    await client.query('ROLLBACK TO here');
    await client.query('INSERT INTO kept VALUES (4, 4)');
    await client.query('SAVEPOINT there');
    await client.query('INSERT INTO kept VALUES (5, 5)');
    await client.query('RELEASE there');
    await client.query('COMMIT');
    const records = await change('public.kept');
    expect(records.map(({ value }) => value?.after)).toEqual([
      { id: '2', n: '2' },
      { id: '4', n: '4' },
      { id: '5', n: '5' },
    ]);
    expect(records.map(({ value }) => value?.source['ordinal'])).toEqual(['1', '2', '3']);
  });

  test('with REPLICA IDENTITY FULL an update and a delete carry the whole old row', async () => {
    const records = await change(
      'public.full_rows',
      `INSERT INTO full_rows VALUES (1, 1)`,
      `UPDATE full_rows SET n = 2`,
      `DELETE FROM full_rows`,
    );
    expect(records.map(({ value }) => value?.before)).toEqual([
      null,
      { id: '1', n: '1' },
      { id: '1', n: '2' },
      undefined,
    ]);
  });

  describe.each([
    ['DEFAULT', 'long_texts'],
    ['FULL', 'long_texts_full'],
  ])('with REPLICA IDENTITY %s', (_identity, table) => {
    test('a value of 100 kB that an update does not touch arrives whole', async () => {
      const { database } = pipeline;
      await database.query(
        `INSERT INTO ${table} SELECT g, 0, ${LONG_TEXT.replace('$1', 'g::text')}, NULL FROM generate_series(1, 3) g`,
      );
      const records = await change(
        `public.${table}`,
        `UPDATE ${table} SET n = 1 WHERE id = 1`,
        `UPDATE ${table} SET id = 20 WHERE id = 2`,
        // Written and left alone by the same transaction: no other session can see the new value before it ends.
        `UPDATE ${table} SET body = body || 'x' WHERE id = 3; UPDATE ${table} SET n = 1 WHERE id = 3`,
        `INSERT INTO ${table} SELECT 4, 0, body || 'y', body FROM ${table} WHERE id = 3;
         UPDATE ${table} SET n = 1 WHERE id = 4; UPDATE ${table} SET more = 'short' WHERE id = 4`,
      );
      const expected = await database.query(
        `SELECT id::text, n::text, md5(body) AS body, length(body) AS length, md5(more) AS more FROM ${table} ORDER BY id`,
      );
      expect(expected.map((row) => row['length'])).toEqual([102_400, 102_400, 102_401, 102_402]);
      const newest = new Map(
        records
          .filter(({ value }) => value?.after != null)
          .map(({ key, value }) => [key['id'], value?.after]),
      );
      const found = expected.map((row) => {
        const after = newest.get(String(row['id']));
        const body = String(after?.['body']);
        const more = after?.['more'] ?? null;
        return {
          id: after?.['id'],
          n: after?.['n'],
          body: md5(body),
          length: body.length,
          more: more === null ? null : md5(String(more)),
        };
      });
      expect(found).toEqual(expected);
      // No event along the way had a placeholder or a false null either.
      const lengths = records.flatMap(({ value }) =>
        value?.after == null ? [] : [String(value.after['body']).length],
      );
      expect(Math.min(...lengths)).toBe(102_400);
    });
  });

  test('names with capitals, blanks, quotes and other letters survive, in another schema too', async () => {
    const records = await change(
      'B_ro.Stra_e___Weg',
      `INSERT INTO "Büro"."Straße & Weg" VALUES (1, 1.50, 'x')`,
      `UPDATE "Büro"."Straße & Weg" SET "a""b" = 'y'`,
    );
    expect(records.map(({ value }) => value?.source['schema'])).toEqual(['Büro', 'Büro']);
    expect(records.map(({ value }) => value?.source['table'])).toEqual(['Straße & Weg', 'Straße & Weg']);
    const names = avro ? ['Id_Nr_', 'gr__e', 'a_b'] : ['Id Nr.', 'größe', 'a"b'];
    expect(Object.entries(records.at(-1)?.value?.after ?? {})).toEqual([
      [names[0], '1'],
      [names[1], '1.50'],
      [names[2], 'y'],
    ]);
  });

  test('every common type keeps its exact value, the same from the snapshot as from the stream', async () => {
    const records = await change('public.kinds', insertKinds(11));
    const rows = records.map(({ value }) => ({ op: value?.op, after: value?.after }));
    const expected = kindsRows(avro);
    expect(rows.filter(({ op }) => op === 'r').map(({ after }) => after)).toEqual(expected);
    expect(rows.filter(({ op }) => op === 'c').map(({ after }) => after)).toEqual(
      expected.map((row) => ({ ...row, id: String(Number(row['id']) + 10) })),
    );
  });

  test('the sink ends equal in every table', async () => {
    await pipeline.untilCaughtUp();
    await pipeline.expectEqual([
      'public.items',
      'public.moves',
      'public.pairs',
      'public.kept',
      'public.busy',
      'public.long_texts',
      'public.long_texts_full',
      'public.full_rows',
      'public.kinds',
      'Büro.Straße & Weg',
    ]);
  });
});

function hex16(value: bigint): string {
  return value.toString(16).padStart(16, '0');
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}
