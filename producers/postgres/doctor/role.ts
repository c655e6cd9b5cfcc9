import { MAY_REPLICATE } from '../preflight.ts';
import { quoteIdentifier, quoteTable } from '../quote.ts';
import { ask, fail, listed, ok, type Check, type Patient } from './check.ts';

/** What the connected role may do. */
export async function checkRole(patient: Patient): Promise<Check[]> {
  const { role } = patient;
  const oids = patient.tables.map(({ oid }) => oid);
  const [row] = await ask(
    patient,
    `SELECT ${MAY_REPLICATE} AS replication, r.rolsuper AS superuser FROM pg_roles r WHERE r.rolname = current_user`,
  );
  const schemas = await ask(
    patient,
    `SELECT DISTINCT n.nspname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.oid = ANY ($1::oid[]) AND NOT has_schema_privilege(n.oid, 'USAGE') ORDER BY 1`,
    [oids],
  );
  const tables = await ask(
    patient,
    `SELECT n.nspname AS schema, c.relname AS name, has_table_privilege(c.oid, 'SELECT') AS readable,
            has_schema_privilege(n.oid, 'USAGE') AND row_security_active(c.oid) AS hidden
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ANY ($1::oid[]) ORDER BY 1, 2`,
    [oids],
  );
  const who = quoteIdentifier(role);
  const quoted = (kind: (row: (typeof tables)[number]) => boolean) =>
    tables.filter(kind).map(({ schema, name }) => quoteTable({ schema: schema ?? '', name: name ?? '' }));
  const unread = quoted(({ readable }) => readable !== 't');
  const hidden = quoted(({ hidden: isHidden }) => isHidden === 't');
  const closed = schemas.map(({ name }) => quoteIdentifier(name ?? ''));
  return [
    row?.['replication'] === 't'
      ? ok('replication right', `role ${role} may replicate${row['superuser'] === 't' ? ' (superuser)' : ''}`)
      : fail(
          'replication right',
          `role ${role} may not replicate`,
          `as a superuser: ALTER ROLE ${who} REPLICATION;`,
        ),
    closed.length === 0
      ? ok('schema rights', `role ${role} may use every captured schema`)
      : fail(
          'schema rights',
          `role ${role} may not use ${listed(closed)}`,
          `as the owner: GRANT USAGE ON SCHEMA ${closed.join(', ')} TO ${who};`,
        ),
    unread.length === 0
      ? ok('table rights', `role ${role} may read all ${tables.length} captured tables`)
      : fail(
          'table rights',
          `role ${role} may not read ${listed(unread)}, which the snapshot needs`,
          `as the owner: GRANT SELECT ON ${unread.join(', ')} TO ${who};`,
        ),
    hidden.length === 0
      ? ok('row security', 'no policy hides rows from the snapshot')
      : fail(
          'row security',
          `policies hide rows of ${listed(hidden)} from the snapshot, but not from the stream`,
          `as a superuser: ALTER ROLE ${who} BYPASSRLS;`,
        ),
  ];
}
