import { describe, expect, test } from 'vitest';
import { TailraceError } from '../core/errors.ts';
import { example as chinook } from './chinook/example.ts';
import type { Example, RowCounts, WorkloadTotals } from './example.ts';
import { example as pursuit } from './pursuit/example.ts';
import { scratchDatabase, type ScratchDatabase } from './scratch-database.ts';

/** 150 places, 4,500 contacts, 2 customers; ignored by an example of fixed size. */
const SCALE = 0.001;

async function countRows(database: ScratchDatabase, example: Example): Promise<RowCounts> {
  const counts: RowCounts = {};
  for (const table of example.tables) {
    const [row] = await database.query<{ rows: number }>(`SELECT count(*)::int AS rows FROM ${table}`);
    counts[table.replace('public.', '')] = row?.rows ?? -1;
  }
  return counts;
}

/** Runs the workload as fast as it goes until the condition holds. */
async function runUntil(
  example: Example,
  url: string,
  isEnough: (totals: WorkloadTotals) => boolean,
): Promise<WorkloadTotals> {
  const stop = new AbortController();
  return example.workload({
    url,
    rate: 1_000_000,
    signal: stop.signal,
    onProgress: (totals) => {
      if (isEnough(totals)) stop.abort();
    },
  });
}

/** What a table must hold: the rows loaded, plus the inserts, less the deletes. */
function afterwards(loaded: RowCounts, totals: WorkloadTotals): RowCounts {
  return Object.fromEntries(
    Object.entries(loaded).map(([table, rows]) => {
      const changes = totals.changes[table];
      return [table, rows + (changes?.insert ?? 0) - (changes?.delete ?? 0)];
    }),
  );
}

describe.each([pursuit, chinook])('the example $name', (example) => {
  test('loads exactly the tables and rows that it reports', async () => {
    await using database = await scratchDatabase();
    const counts = await example.load({ url: database.url, scale: SCALE });
    const tables = await database.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'public'`,
    );
    expect(tables.map(({ name }) => name).toSorted()).toEqual(example.tables.toSorted());
    expect(await countRows(database, example)).toEqual(counts);
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(0);
  });

  test('a database that holds the tables already is refused and left as it is', async () => {
    await using database = await scratchDatabase();
    const counts = await example.load({ url: database.url, scale: SCALE });
    const again = example.load({ url: database.url, scale: SCALE });
    await expect(again).rejects.toThrow(TailraceError);
    await expect(again).rejects.toThrow(`already holds tables of the example ${example.name}`);
    expect(await countRows(database, example)).toEqual(counts);
  });

  test('the totals of the workload are exactly what Postgres holds afterwards', async () => {
    await using database = await scratchDatabase();
    const loaded = await example.load({ url: database.url, scale: SCALE });
    const totals = await runUntil(example, database.url, (sofar) => sofar.rolledBackTransactions >= 2);
    expect(totals.unknownTransactions).toBe(0);
    expect(await countRows(database, example)).toEqual(afterwards(loaded, totals));
  });

  test('a second workload with the same seed goes on where the first one stopped', async () => {
    await using database = await scratchDatabase();
    await example.load({ url: database.url, scale: SCALE });
    const first = await runUntil(example, database.url, (sofar) => sofar.committedTransactions >= 20);
    const second = await runUntil(example, database.url, (sofar) => sofar.committedTransactions >= 20);
    expect([first.reconnects, second.reconnects]).toEqual([0, 0]);
    expect(second.committedTransactions).toBe(20);
  });

  test('the workload goes on after its connection was cut', async () => {
    await using database = await scratchDatabase();
    await example.load({ url: database.url, scale: SCALE });
    let isCut = false;
    let commitsBefore = 0;
    const totals = await runUntil(example, database.url, (sofar) => {
      if (!isCut && sofar.committedTransactions >= 5) {
        isCut = true;
        void cutConnections(database);
      }
      if (sofar.reconnects === 0) commitsBefore = sofar.committedTransactions;
      return sofar.reconnects > 0 && sofar.committedTransactions >= commitsBefore + 5;
    });
    expect(totals.reconnects).toBe(1);
    expect(totals.committedTransactions).toBeGreaterThanOrEqual(commitsBefore + 5);
  });

  test('a workload that cannot connect at the start fails at once', async () => {
    await using database = await scratchDatabase();
    const url = database.url.replace('scratch_', 'missing_');
    await expect(runUntil(example, url, () => false)).rejects.toThrow('does not exist');
  });
});

async function cutConnections(database: ScratchDatabase): Promise<void> {
  await database.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
  );
}

test('the workload of pursuit inserts, updates and deletes in all seven tables', async () => {
  await using database = await scratchDatabase();
  await pursuit.load({ url: database.url, scale: SCALE });
  const hasAll = (totals: WorkloadTotals): boolean =>
    pursuit.tables.every((table) => {
      const changes = totals.changes[table.replace('public.', '')];
      return changes !== undefined && changes.insert > 0 && changes.update > 0 && changes.delete > 0;
    });
  const totals = await runUntil(pursuit, database.url, hasAll);
  expect(hasAll(totals)).toBe(true);
});

test('a workload that was told to stop before it began changes nothing', async () => {
  await using database = await scratchDatabase();
  await pursuit.load({ url: database.url, scale: SCALE });
  const totals = await pursuit.workload({ url: database.url, rate: 10, signal: AbortSignal.abort() });
  expect(totals.changes).toEqual({});
});
