import { formatBytes } from '../../../core/format-bytes.ts';
import { quoteTable } from '../quote.ts';
import { findIdentityProblem, readIdentities } from '../tables/table-identity.ts';
import { isHistory } from '../tables/table-problems.ts';
import { ask, fail, listed, ok, warn, type Check, type Patient } from './check.ts';

/** Key and replica identity of each table, one line a table, and its partitions where they differ from it. */
export async function checkIdentities({ client, source, tables }: Patient): Promise<Check[]> {
  const identities = await readIdentities(
    client,
    tables.map(({ oid }) => oid),
  );
  return identities.flatMap((table) => {
    const name = 'replica identity';
    if (isHistory(table, source.appendOnly))
      return [ok(name, `${quoteTable(table)}: no key, captured as history: inserts only`)];
    const problem = findIdentityProblem(table);
    if (problem !== null) return [fail(name, `${quoteTable(table)} ${problem.what}`, problem.fix)];
    // A large table may have thousands of partitions: only those with a problem get a line.
    if (table.isPartition) return [];
    return [ok(name, `${quoteTable(table)}: key (${table.key}), replica identity ${table.identity}`)];
  });
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
            EXISTS (SELECT FROM pg_attribute a
                     WHERE a.attrelid = root AND a.attgenerated <> '' AND NOT a.attisdropped) AS has_generated,
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
      // Postgres 18 would refuse the table's updates with it: see table-identity.ts.
      row['has_generated'] === 't'
        ? null
        : `where such updates are many: ALTER TABLE ${table} REPLICA IDENTITY FULL; -- whole old rows in the WAL`,
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
