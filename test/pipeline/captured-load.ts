import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { expect } from 'vitest';
import { randomFor, type Random } from '../../examples/random.ts';
import { decodeRecord, type DecodedRecord, type Fields } from './decode-record.ts';
import type { Pipeline } from './harness.ts';

/** Rows that are there before the producer first runs. */
const PRESENT_ROWS = 100_000;
/** Of docs and docs_full, so that there is something to update at once. */
const PRESENT_DOCS = 300;

/** The bodies are stored out of line, so an update that leaves them alone does not send them. */
const TABLE = '(id int PRIMARY KEY, n int NOT NULL, body text) WITH (toast_tuple_target = 128)';
export const LOAD_TABLES = ['present', 'ledger', 'docs', 'docs_full'] as const;
export const LOAD_SQL = `
  CREATE FUNCTION body(seed int) RETURNS text LANGUAGE sql AS
    $$ SELECT string_agg(md5(seed::text || g), '') FROM generate_series(1, 8) g $$;
  ${LOAD_TABLES.map((table) => `CREATE TABLE ${table} ${TABLE}; ALTER TABLE ${table} ALTER body SET STORAGE EXTERNAL;`).join('\n')}
  ALTER TABLE docs_full REPLICA IDENTITY FULL;
  INSERT INTO present SELECT g, 0, 'row ' || g FROM generate_series(1, ${PRESENT_ROWS}) g;
  INSERT INTO docs SELECT g, 0, body(g) FROM generate_series(1, ${PRESENT_DOCS}) g;
  INSERT INTO docs_full SELECT g, 0, body(g) FROM generate_series(1, ${PRESENT_DOCS}) g;`;

/** By table: events that were committed, by their letter. */
export type Committed = Record<string, { c: number; u: number; d: number }>;

/** Statements with the events that each row they touch makes. Rows of docs are never deleted: theirs are read back. */
function statement(random: Random, next: () => number): { sql: string; table: string; events: string } {
  const id = next();
  const place = random.between(1, id);
  const [sql, table, events] = random.pick([
    [`INSERT INTO ledger VALUES (${id}, 0, body(${id}))`, 'ledger', 'c'],
    [
      `INSERT INTO ledger SELECT 1000000 + ${id} * 100 + g, 0, 'x' FROM generate_series(1, 20) g`,
      'ledger',
      'c',
    ],
    [`UPDATE ledger SET n = n + 1, body = 'y' WHERE id = ${place}`, 'ledger', 'u'],
    [`DELETE FROM ledger WHERE id BETWEEN ${place} AND ${place + 3}`, 'ledger', 'd'],
    [`UPDATE ledger SET id = -id, body = 'z' WHERE id = ${place}`, 'ledger', 'dc'],
    [`INSERT INTO docs VALUES (${id} + 1000, 0, body(${id}))`, 'docs', 'c'],
    [`UPDATE docs SET n = n + 1 WHERE id = ${random.between(1, PRESENT_DOCS)}`, 'docs', 'u'],
    [`UPDATE docs_full SET n = n + 1 WHERE id = ${random.between(1, PRESENT_DOCS)}`, 'docs_full', 'u'],
    [
      `UPDATE docs_full SET id = id + 100000 WHERE id = ${random.between(1, PRESENT_DOCS)}`,
      'docs_full',
      'dc',
    ],
    [
      `UPDATE docs_full SET id = id - 100000 WHERE id = ${100_000 + random.between(1, 300)}`,
      'docs_full',
      'dc',
    ],
    [`UPDATE present SET n = n + 1 WHERE id = ${random.between(1, PRESENT_ROWS)}`, 'present', 'u'],
    [`DELETE FROM present WHERE id = ${random.between(1, PRESENT_ROWS)}`, 'present', 'd'],
  ] as const);
  return { sql, table, events };
}

/** Changes rows in transactions of 1 to 20 statements, and now and then in one of thousands of rows, until the signal. */
export async function runLoad(client: pg.Client, seed: number, signal: AbortSignal): Promise<Committed> {
  const random = randomFor(seed);
  const committed: Committed = {};
  for (const table of LOAD_TABLES) committed[table] = { c: 0, u: 0, d: 0 };
  const count = (table: string, events: string, rows: number) => {
    const counts = committed[table];
    if (counts !== undefined) for (const op of events) counts[op as 'c' | 'u' | 'd'] += rows;
  };
  let id = 0;
  const next = () => (id += 1);
  while (!signal.aborted) {
    await client.query('BEGIN');
    const size = random.between(1, 20);
    for (let made = 0; made < size; made += 1) {
      const { sql, table, events } = statement(random, next);
      const { rowCount } = await client.query(sql);
      count(table, events, rowCount ?? 0);
    }
    if (random.chance(0.02)) {
      const { rowCount } = await client.query(`UPDATE present SET n = n + 1 WHERE id % 13 = ${next() % 13}`);
      count('present', 'u', rowCount ?? 0);
    }
    await client.query('COMMIT');
    await delay(random.between(0, 10));
  }
  return committed;
}

/** What a topic holds, compared with what was committed and with the table. */
export interface Proof {
  readonly records: number;
  /** Events (tombstones apart) that were committed and are not there. */
  readonly lost: number;
  /** Records whose partition, position and kind are there more than once, and rows of the snapshot that came again. */
  readonly duplicated: number;
  readonly reread: number;
}

/** Counts what is lost and what is there twice, and checks order, tombstones and the rows themselves. */
export async function proveTopic(pipeline: Pipeline, table: string, committed: Committed): Promise<Proof> {
  const records = await pipeline.records(`public.${table}`);
  const seen = new Set<string>();
  const read = new Set<string>();
  const ops: Record<string, number> = { c: 0, u: 0, d: 0, r: 0, tombstone: 0 };
  const last = new Map<number, string>();
  const rows = new Map<string, Fields>();
  let [duplicated, reread, unordered] = [0, 0, 0];
  for (const record of records) {
    const { partition, key, value, position } = plain(await decodeRecord(record));
    const op = value === null ? 'tombstone' : value.op;
    ops[op] = (ops[op] ?? 0) + 1;
    const identity = `${partition} ${position} ${op === 'tombstone'}`;
    if (seen.has(identity)) duplicated += 1;
    seen.add(identity);
    if (op === 'r' && read.has(key)) reread += 1;
    if (op === 'r') read.add(key);
    const order = `${position} ${op === 'tombstone' ? 1 : 0}`;
    if (order <= (last.get(partition) ?? '')) unordered += 1;
    last.set(partition, order);
    if (value?.after == null) rows.delete(key);
    else rows.set(key, value.after);
  }
  expect(unordered, `${table}: records that are not behind the one before them`).toBe(0);
  expect(ops['tombstone'], `${table}: a tombstone for each delete`).toBe(ops['d']);
  const wanted = committed[table] ?? { c: 0, u: 0, d: 0 };
  const lost = (['c', 'u', 'd'] as const).reduce(
    (sum, op) => sum + Math.max(0, wanted[op] - (ops[op] ?? 0)),
    0,
  );
  const surplus = (['c', 'u', 'd'] as const).reduce(
    (sum, op) => sum + Math.max(0, (ops[op] ?? 0) - wanted[op]),
    0,
  );
  const inTable = await pipeline.database.query<Fields>(
    `SELECT id::text, n::text, body FROM ${table} ORDER BY ${table}.id`,
  );
  const inTopic = [...rows.values()].toSorted((left, right) => Number(left['id']) - Number(right['id']));
  expect(inTopic.length, `${table}: rows`).toBe(inTable.length);
  // Compared one by one: a difference of whole lists would be printed with its rows.
  const different = inTable.filter((row, index) => JSON.stringify(row) !== JSON.stringify(inTopic[index]));
  expect(different.length, `${table}: rows that differ`).toBe(0);
  return { records: records.length, lost, duplicated: duplicated + surplus, reread };
}

function plain({ partition, keyBytes, value, headers }: DecodedRecord) {
  return { partition, key: keyBytes.toString(), value, position: headers['tailrace.position'] ?? '' };
}
