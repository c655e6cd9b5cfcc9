import type pg from 'pg';

/** What tells that a table has changed, cheap enough to be asked for every few seconds. */
export interface TableShape {
  /** A digest of the table's name, its columns and its key. */
  readonly digest: string;
  /** The columns that rows have a value in which were written before the column was there: with a default, or not null. */
  readonly filled: ReadonlySet<string>;
  /** Names and numbers of the columns. */
  readonly columns: Readonly<Record<string, number>>;
}

/** The shapes of these tables, by oid; a table that is gone is absent. */
export async function readTableShapes(
  client: pg.Client,
  oids: readonly number[],
): Promise<Map<number, TableShape>> {
  const { rows } = await client.query<Record<'oid' | 'digest' | 'filled' | 'columns', string>>(
    `SELECT c.oid, md5(concat_ws(' ', n.nspname, c.relname,
              string_agg(concat_ws(' ', a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull), ',' ORDER BY a.attnum),
              (SELECT i.indkey::text FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary))) AS digest,
            json_agg(a.attname) FILTER (WHERE a.atthasdef OR a.atthasmissing OR a.attnotnull) AS filled,
            json_object_agg(a.attname, a.attnum) AS columns
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
      WHERE c.oid = ANY ($1::oid[]) GROUP BY c.oid, n.nspname, c.relname`,
    [oids],
  );
  return new Map(
    rows.map(({ oid, digest, filled, columns }) => [
      Number(oid),
      {
        digest,
        filled: new Set((JSON.parse(filled ?? 'null') ?? []) as string[]),
        columns: JSON.parse(columns) as Record<string, number>,
      },
    ]),
  );
}
