import { formatBytes } from '../../../core/format-bytes.ts';
import { quoteTable } from '../preflight.ts';
import { ask, fail, listed, ok, warn, type Check, type Patient, type Row } from './check.ts';

const IDENTITY = 'replica identity';
const IDENTITY_NAMES: Readonly<Record<string, string>> = {
  d: 'default',
  f: 'full',
  i: 'index',
  n: 'nothing',
};

/** Key and replica identity of each table, one line a table, and its partitions where they differ from it. */
export async function checkIdentities(patient: Patient): Promise<Check[]> {
  const rows = await ask(
    patient,
    `SELECT n.nspname AS schema, c.relname AS name, c.relreplident AS identity, c.relispartition AS partition,
            (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.place)
               FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
               JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
              WHERE i.indrelid = c.oid AND i.indisprimary AND k.place <= i.indnkeyatts) AS key,
            -- A deferrable key cannot tell rows apart while a transaction runs, so Postgres does not take it as identity.
            (SELECT i.indimmediate FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary) AS immediate,
            -- How a unique index over columns that are never null becomes the key. One that serves a constraint already
            -- cannot be taken over, nor can any of a partitioned table.
            (SELECT CASE WHEN c.relkind = 'p' OR EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = i.indexrelid)
                         THEN '(' || (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.place)
                                        FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
                                        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
                                       WHERE k.place <= i.indnkeyatts) || ')'
                         ELSE 'USING INDEX ' || quote_ident(x.relname) END
               FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
              WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid
                AND i.indpred IS NULL AND i.indexprs IS NULL
                AND NOT EXISTS (SELECT FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
                                  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
                                 WHERE k.place <= i.indnkeyatts AND NOT a.attnotnull)
              ORDER BY x.relname LIMIT 1) AS candidate,
            (SELECT x.relname FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
              WHERE i.indrelid = c.oid AND i.indisreplident) AS chosen,
            -- Whether the chosen index holds the whole primary key.
            (SELECT p.indkey::int2[] <@ i.indkey::int2[] FROM pg_index i JOIN pg_index p ON p.indrelid = i.indrelid
              WHERE i.indrelid = c.oid AND i.indisreplident AND p.indisprimary) AS covers
       FROM unnest($1::oid[]) root CROSS JOIN LATERAL (SELECT root AS oid UNION SELECT relid FROM pg_partition_tree(root)) member
       JOIN pg_class c ON c.oid = member.oid JOIN pg_namespace n ON n.oid = c.relnamespace ORDER BY 1, 2`,
    [patient.tables.map(({ oid }) => oid)],
  );
  const checks = rows.map((row) => ({ row, check: checkIdentity(row) }));
  // A large table may have thousands of partitions: only those with a problem get a line.
  return checks
    .filter(({ row, check }) => row['partition'] !== 't' || check.status !== 'ok')
    .map(({ check }) => check);
}

function checkIdentity(row: Row): Check {
  const table = quoteTable({ schema: row['schema'] ?? '', name: row['name'] ?? '' });
  const { key = null, identity = '', candidate = null } = row;
  if (key === null) {
    return fail(
      IDENTITY,
      `${table} has no primary key: its rows cannot be told apart, and once published its updates and deletes fail`,
      candidate === null
        ? `ALTER TABLE ${table} ADD PRIMARY KEY (...); or leave it out with source.exclude`
        : `ALTER TABLE ${table} ADD PRIMARY KEY ${candidate};`,
    );
  }
  const evidence = `${table}: key (${key}), replica identity ${IDENTITY_NAMES[identity ?? ''] ?? identity}`;
  const byDefault = `ALTER TABLE ${table} REPLICA IDENTITY DEFAULT;`;
  if (identity === 'n') {
    return fail(IDENTITY, `${evidence}: once published its updates and deletes fail in Postgres`, byDefault);
  }
  if (identity === 'd' && row['immediate'] !== 't') {
    return fail(
      IDENTITY,
      `${evidence}: the key is deferrable, so once published updates and deletes fail in Postgres`,
      `ALTER TABLE ${table} REPLICA IDENTITY FULL;`,
    );
  }
  if (identity === 'i' && row['covers'] !== 't') {
    return row['chosen'] === null
      ? fail(IDENTITY, `${evidence}, but that index is gone: updates and deletes fail in Postgres`, byDefault)
      : fail(
          IDENTITY,
          `${evidence} ${row['chosen']}, which lacks columns of the key: a delete does not tell its row`,
          byDefault,
        );
  }
  return ok(IDENTITY, evidence);
}

/**
 * Large values are stored apart (TOAST), and an update that leaves one alone does not write it into the WAL again. Without
 * REPLICA IDENTITY FULL it is then read back from the table: one query more, and the value of that later moment.
 */
export async function checkToast(patient: Patient): Promise<Check[]> {
  const name = 'toast';
  const rows = await ask(
    patient,
    `SELECT n.nspname AS schema, c.relname AS name, sum(pg_relation_size(t.oid)) AS bytes,
            (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
              WHERE a.attrelid = root AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
                AND a.attstorage IN ('x', 'e')) AS columns
       FROM unnest($1::oid[]) root JOIN pg_class c ON c.oid = root JOIN pg_namespace n ON n.oid = c.relnamespace
            CROSS JOIN LATERAL (SELECT root AS oid UNION SELECT relid FROM pg_partition_tree(root)) member
       JOIN pg_class m ON m.oid = member.oid AND m.relreplident <> 'f' JOIN pg_class t ON t.oid = m.reltoastrelid
      GROUP BY root, n.nspname, c.relname HAVING sum(pg_relation_size(t.oid)) > 0 ORDER BY 3 DESC, 1, 2`,
    [patient.tables.map(({ oid }) => oid)],
  );
  if (rows.length === 0)
    return [ok(name, 'no captured table has large values that an update would leave out')];
  return rows.map((row) => {
    const table = quoteTable({ schema: row['schema'] ?? '', name: row['name'] ?? '' });
    return warn(
      name,
      `${table} keeps ${formatBytes(Number(row['bytes']))} of large values (${row['columns']}): what an update leaves alone is read back from the table`,
      `where such updates are many: ALTER TABLE ${table} REPLICA IDENTITY FULL; -- whole old rows in the WAL`,
    );
  });
}

/** What looks as if it were captured and is not. */
export async function checkUncaptured(patient: Patient): Promise<Check[]> {
  const generated = await ask(
    patient,
    `SELECT n.nspname AS schema, c.relname AS name, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS columns
       FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.oid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> ''
      GROUP BY 1, 2 ORDER BY 1, 2`,
    [patient.tables.map(({ oid }) => oid)],
  );
  const sequences = await ask(
    patient,
    `SELECT DISTINCT d.objid::regclass::text AS name FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
      WHERE d.refobjid = ANY ($1::oid[]) AND d.classid = 'pg_class'::regclass ORDER BY 1`,
    [patient.tables.map(({ oid }) => oid)],
  );
  return [
    ...generated.map(({ schema, name, columns }) =>
      warn(
        'generated columns',
        `${quoteTable({ schema: schema ?? '', name: name ?? '' })}: ${columns} are computed by Postgres and not captured`,
        'compute them in a transform, or in the store',
      ),
    ),
    ...(generated.length === 0 ? [ok('generated columns', 'no captured table has any')] : []),
    sequences.length === 0
      ? ok('sequences', 'no captured table has any')
      : ok(
          'sequences',
          `sequences are not captured: ${listed(sequences.map(({ name }) => name ?? ''))}; set them anew where a store takes over`,
        ),
  ];
}

/** Tables that the patterns name and that have no WAL to read: unlogged, temporary and foreign ones. */
export async function checkUnlogged(
  patient: Patient,
  matches: (table: { schema: string; name: string }) => boolean,
): Promise<Check[]> {
  const name = 'tables without changes';
  const rows = await ask(
    patient,
    `SELECT n.nspname AS schema, c.relname AS name,
            CASE WHEN c.relkind = 'f' THEN 'foreign' WHEN c.relpersistence = 'u' THEN 'unlogged' ELSE 'temporary' END AS kind
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'f') AND (c.relkind = 'f' OR c.relpersistence <> 'p') ORDER BY 1, 2`,
  );
  const found = rows
    .map((row) => ({ schema: row['schema'] ?? '', name: row['name'] ?? '', kind: row['kind'] ?? '' }))
    .filter(matches);
  if (found.length === 0) return [ok(name, 'source.tables names no unlogged, temporary or foreign table')];
  return found.map((table) =>
    warn(
      name,
      `${quoteTable(table)} is ${table.kind}: its changes are not in the WAL, so it is not captured`,
      table.kind === 'unlogged'
        ? `ALTER TABLE ${quoteTable(table)} SET LOGGED; or leave it out with source.exclude`
        : 'leave it out with source.exclude',
    ),
  );
}
