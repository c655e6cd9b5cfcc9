import type pg from 'pg';

/** A partition that holds rows itself. */
export interface Leaf {
  /** `schema.table`. */
  readonly name: string;
  /** Number of its file: another one after a TRUNCATE, and after what writes the whole table anew, as VACUUM FULL does. */
  readonly file: number;
}

/** The leaves of those among these tables that are partitioned, by the table's oid and then by their own. */
export async function readLeaves(
  client: pg.Client,
  oids: readonly number[],
): Promise<Map<number, Map<number, Leaf>>> {
  const { rows } = await client.query<Record<'root' | 'leaf' | 'name' | 'file', string>>(
    `SELECT r.oid AS root, c.oid AS leaf, concat(n.nspname, '.', c.relname) AS name, c.relfilenode AS file
       FROM pg_class r CROSS JOIN LATERAL pg_partition_tree(r.oid) t
       JOIN pg_class c ON c.oid = t.relid JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE r.oid = ANY ($1::oid[]) AND r.relkind = 'p' AND t.isleaf AND c.relkind = 'r'`,
    [oids],
  );
  const leaves = new Map<number, Map<number, Leaf>>();
  for (const { root, leaf, name, file } of rows) {
    const own = leaves.get(Number(root)) ?? new Map<number, Leaf>();
    leaves.set(Number(root), own.set(Number(leaf), { name, file: Number(file) }));
  }
  return leaves;
}
