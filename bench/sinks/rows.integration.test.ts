import { expect, test } from 'vitest';
import { openSource } from '../source.ts';
import { filledTable, periodQuery, rowsBetween, SCHEMA, type EntryRow } from './rows.ts';

const ROWS = 100_010;
const COLUMNS = 'id::int, account_id, amount::text, changed_at::text, note';

test('the driver of the bound writes the rows that the tables have, before and after the update', async () => {
  const url = process.env['DATABASE_URL'];
  if (url === undefined) throw new Error('this test needs Postgres: set DATABASE_URL');
  await using source = await openSource(url, `bench_rows_${process.pid}`);
  await source.query(SCHEMA);
  await source.query(filledTable('entry', ROWS));
  const inTable = (first: number, last: number) =>
    source.query<EntryRow & { id: number }>(
      `SELECT ${COLUMNS} FROM entry WHERE id BETWEEN ${first} AND ${last} ORDER BY id`,
    );
  const places = [
    [1, 20],
    [99_990, ROWS],
  ] as const;

  const filled = await source.query<EntryRow & { id: number }>(periodQuery(0));
  for (const [first, last] of places)
    expect(rowsBetween(filled, first, last)).toEqual(await inTable(first, last));

  await source.query(`CALL update_entries('entry', ${ROWS})`);
  const updated = await source.query<EntryRow & { id: number }>(periodQuery(1));
  for (const [first, last] of places)
    expect(rowsBetween(updated, first, last)).toEqual(await inTable(first, last));
  expect(updated[1]?.note).not.toBe(filled[1]?.note);
});
