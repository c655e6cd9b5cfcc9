import type { Row, Transaction } from '../../paced-workload.ts';
import type { CopyRow } from '../copy.ts';

/** One kind of thing that happens in the business; `weight` says how often, compared with the others. */
export interface Change {
  weight: number;
  apply(transaction: Transaction): Promise<unknown>;
}

/** The tables with a numeric `id`. */
export type NumberedTable = 'customer' | 'places' | 'contacts' | 'tech_stack';

/**
 * SQL for the key of some row: the first one at or after a random point of the key's range, so it needs no list of
 * keys and finds a row as long as there is one. `point` names a parameter, a number in [0, 1).
 */
export function someId(table: NumberedTable, point: string): string {
  const start = `floor(${point}::float8 * (SELECT max(id) FROM ${table}))::bigint`;
  return `(SELECT id FROM ${table} WHERE id >= ${start} ORDER BY id LIMIT 1)`;
}

/** SQL for the key of one of the newest rows, so that those who leave are mostly those who came last. */
export function someNewId(table: NumberedTable, point: string): string {
  return `(SELECT id FROM (SELECT id FROM ${table} ORDER BY id DESC LIMIT 20) AS newest
    ORDER BY id OFFSET floor(${point}::float8 * 20)::bigint LIMIT 1)`;
}

/** Inserts one row; the columns left out take their defaults. Returns the row as Postgres keeps it. */
export async function insertRow(transaction: Transaction, table: string, values: CopyRow): Promise<Row> {
  const columns = Object.keys(values);
  const parameters = columns.map((_, index) => `$${index + 1}`);
  const sql = `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${parameters.join(', ')}) RETURNING *`;
  const [row] = await transaction.change(table, 'insert', sql, Object.values(values));
  if (row === undefined) throw new Error(`An insert into ${table} returned no row.`);
  return row;
}
