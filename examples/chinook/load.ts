import { readFile } from 'node:fs/promises';
import type { LoadOptions, RowCounts } from '../example.ts';
import { loadInto } from '../load-into.ts';
import { TABLES } from './tables.ts';

/** The lines of the script that psql or a database of its own would need: they name databases, not tables. */
const DATABASE_STATEMENT = /^(DROP DATABASE|CREATE DATABASE|\\c)\b.*$/gm;

/** The script without the lines that drop, make and enter a database of its own. */
export function tablesOnly(script: string): string {
  return script.replaceAll(DATABASE_STATEMENT, '');
}

/**
 * Makes and fills the eleven tables of the sample in an empty database, all in one transaction: Postgres runs the
 * statements of one simple query together. Returns the rows of each table. Its size is fixed; `scale` is ignored.
 */
export async function loadChinook({ url, onProgress = () => {} }: LoadOptions): Promise<RowCounts> {
  const script = await readFile(new URL('chinook.sql', import.meta.url), 'utf8');
  return loadInto(url, 'chinook', async (client) => {
    const counts: RowCounts = {};
    await client.query(tablesOnly(script));
    for (const table of TABLES) {
      const result = await client.query<{ rows: number }>(`SELECT count(*)::int AS rows FROM ${table}`);
      const rows = result.rows[0]?.rows ?? 0;
      counts[table] = rows;
      onProgress({ table, rows, expectedRows: rows });
    }
    return counts;
  });
}
