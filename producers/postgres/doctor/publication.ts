import { bothPublicationStatements } from '../tables/insert-publication.ts';
import { quoteIdentifier, quoteTable } from '../quote.ts';
import { ask, fail, listed, ok, warn, type Check, type Patient } from './check.ts';

const NAME = 'publication';

/** Whether the publication is as it should be, or the role may bring it there. */
export async function checkPublication(patient: Patient): Promise<Check[]> {
  const statements = await bothPublicationStatements(
    patient.client,
    patient.slot,
    patient.tables,
    patient.source.appendOnly,
  );
  const filters = await checkFilters(patient);
  if (statements.length === 0)
    return [ok(NAME, `${patient.slot} publishes the ${patient.tables.length} captured tables`), ...filters];
  const missing = await missingRights(patient);
  const told = (await exists(patient)) ? 'is not up to date' : 'does not exist yet';
  const sql = statements.map((statement) => `${statement};`).join('\n');
  return [
    missing.length === 0
      ? ok(NAME, `${patient.slot} ${told}; the producer's start or \`tailrace setup\` brings it up to date`)
      : fail(
          NAME,
          `${patient.slot} ${told}, and role ${patient.role} lacks ${listed(missing)}`,
          `as the owner of the tables:\n${sql}`,
        ),
    ...filters,
  ];
}

async function exists({ client, slot }: Patient): Promise<boolean> {
  return (await client.query('SELECT FROM pg_publication WHERE pubname = $1', [slot])).rows.length > 0;
}

/** Making a publication takes CREATE in the database, changing it its ownership; either takes ownership of its tables. */
async function missingRights(patient: Patient): Promise<string[]> {
  const [row] = await ask(
    patient,
    `SELECT coalesce((SELECT pg_has_role(pubowner, 'USAGE') FROM pg_publication WHERE pubname = $1),
                     has_database_privilege(current_database(), 'CREATE')) AS allowed,
            EXISTS (SELECT FROM pg_publication WHERE pubname = $1) AS found, current_database() AS database`,
    [patient.slot],
  );
  const foreign = await ask(
    patient,
    `SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.oid = ANY ($1::oid[]) AND NOT pg_has_role(c.relowner, 'USAGE') ORDER BY 1, 2`,
    [patient.tables.map(({ oid }) => oid)],
  );
  const tables = foreign.map(({ schema, name }) => quoteTable({ schema: schema ?? '', name: name ?? '' }));
  const right = row?.['found'] === 't' ? 'its ownership' : `CREATE on database ${row?.['database']}`;
  return [
    ...(row?.['allowed'] === 't' ? [] : [right]),
    ...(tables.length === 0 ? [] : [`ownership of ${listed(tables, 3)}`]),
  ];
}

/** Row filters and column lists (Postgres 15 and newer) that somebody gave the publication. */
async function checkFilters(patient: Patient): Promise<Check[]> {
  if (patient.version < 150_000) return [];
  const rows = await ask(
    patient,
    `SELECT n.nspname AS schema, c.relname AS name, pg_get_expr(r.prqual, r.prrelid) IS NOT NULL AS filtered
       FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
       JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE p.pubname = $1 AND (r.prqual IS NOT NULL OR r.prattrs IS NOT NULL) ORDER BY 1, 2`,
    [patient.slot],
  );
  return rows.map(({ schema, name, filtered }) => {
    const table = quoteTable({ schema: schema ?? '', name: name ?? '' });
    const fix = `ALTER PUBLICATION ${quoteIdentifier(patient.slot)} SET TABLE ...; with ${table} named without WHERE and columns`;
    return filtered === 't'
      ? fail(
          NAME,
          `${table} has a row filter: changes of other rows are lost, though the snapshot reads them`,
          fix,
        )
      : warn(
          NAME,
          `${table} has a column list: its other columns are not in the stream`,
          `${fix}; source.columns leaves columns out`,
        );
  });
}
