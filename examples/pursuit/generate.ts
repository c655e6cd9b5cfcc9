import { readFile } from 'node:fs/promises';
import type pg from 'pg';
import type { LoadOptions, LoadProgress, RowCounts } from '../example.ts';
import { loadInto } from '../load-into.ts';
import { copyRows, type CopyRow } from './copy.ts';
import { sizesAt } from './rows.ts';
import { generatedTables, type GeneratedTable } from './tables.ts';

/** A hundredth of full size: 1,500 places and 45,000 contacts, loaded in a few seconds. */
export const DEMO_SCALE = 0.01;

/** Foreign keys are checked at the end of each COPY from a list that Postgres keeps in memory, so no COPY is longer. */
const ROWS_PER_COPY = 100_000;

/**
 * Makes the seven tables in an empty database and fills them, all in one transaction.
 * `scale` 1 is 150,000 places and 4.5 million contacts. Returns the rows of each table.
 */
export async function loadPursuit(options: LoadOptions): Promise<RowCounts> {
  const { url, scale = DEMO_SCALE, seed = 1, onProgress = () => {} } = options;
  return loadInto(url, 'pursuit', async (client) => {
    const counts: RowCounts = {};
    await client.query('BEGIN');
    await client.query(await sqlFile('schema.sql'));
    for (const table of generatedTables(seed, sizesAt(scale))) {
      counts[table.name] = await fillTable(client, table, onProgress);
    }
    await client.query(await sqlFile('indexes.sql'));
    await client.query('COMMIT');
    await client.query('ANALYZE');
    return counts;
  });
}

function sqlFile(name: string): Promise<string> {
  return readFile(new URL(name, import.meta.url), 'utf8');
}

async function fillTable(
  client: pg.Client,
  table: GeneratedTable,
  onProgress: (progress: LoadProgress) => void,
): Promise<number> {
  const source = table.rows();
  let rows = 0;
  let next = source.next();
  while (next.done !== true) {
    const first = next.value;
    rows += await copyRows(client, table.name, Object.keys(first), take(first, source, ROWS_PER_COPY));
    onProgress({ table: table.name, rows, expectedRows: table.expectedRows });
    next = source.next();
  }
  if (table.sequence !== undefined && rows > 0) {
    await client.query('SELECT setval($1, $2)', [table.sequence, rows]);
  }
  return rows;
}

/** `first` and what follows it, `limit` rows together; the source stays open for the next call. */
function* take(first: CopyRow, source: Iterator<CopyRow>, limit: number): Generator<CopyRow> {
  yield first;
  for (let taken = 1; taken < limit; taken += 1) {
    const next = source.next();
    if (next.done === true) return;
    yield next.value;
  }
}
