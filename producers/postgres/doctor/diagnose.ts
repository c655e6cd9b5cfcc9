import type pg from 'pg';
import type { SourceConfig } from '../../../core/config/schema.ts';
import { TailraceError } from '../../../core/errors.ts';
import { matchesTable } from '../../../schemas/table-pattern.ts';
import { listTables, type CatalogTable } from '../tables/catalog.ts';
import { selectTables } from '../preflight.ts';
import { findNameProblems } from '../tables/table-problems.ts';
import { slotName, type SlotRecord } from '../slot/slot.ts';
import { fail, ok, type Check, type Patient } from './check.ts';
import { checkPublication } from './publication.ts';
import { checkRole } from './role.ts';
import { checkServer } from './server.ts';
import { checkSlot } from './slot.ts';
import { checkIdentities, checkToast, checkUncaptured, checkUnlogged } from './tables.ts';
import { checkTransactions, LONG_SECONDS } from './transactions.ts';

export interface Complaint {
  readonly pipeline: string;
  readonly source: SourceConfig;
  /** See Patient. */
  readonly known: SlotRecord | null | undefined;
}

/** Looks at everything that capture needs, in the order in which a DBA would mend it. Changes nothing. */
export async function diagnoseSource(client: pg.Client, complaint: Complaint): Promise<Check[]> {
  const { source, known } = complaint;
  const { rows } = await client.query<Record<'version' | 'standby' | 'role', string>>(
    `SELECT current_setting('server_version_num') AS version, pg_is_in_recovery() AS standby, current_user AS role`,
  );
  const [server] = rows;
  if (server === undefined) return [];
  const selection = await findTables(client, source);
  const patient: Patient = {
    client,
    source,
    known,
    slot: slotName(complaint.pipeline),
    version: Number(server.version),
    isStandby: server.standby === 't',
    role: server.role,
    tables: selection.tables,
  };
  const isNamed = (table: { schema: string; name: string }) =>
    matchesTable(source.tables, table) && !matchesTable(source.exclude, table);
  return [
    ...(await checkServer(patient)),
    ...(await checkRole(patient)),
    selection.check,
    ...checkNames(selection.tables),
    ...(patient.tables.length === 0 ? [] : await checkPublication(patient)),
    ...(await checkIdentities(patient)),
    ...(await checkToast(patient)),
    ...(await checkUncaptured(patient)),
    ...(await checkUnlogged(patient, isNamed)),
    ...(await checkSlot(patient)),
    ...(await checkTransactions(patient, LONG_SECONDS)),
  ];
}

function checkNames(tables: readonly CatalogTable[]): Check[] {
  return [...findNameProblems(tables).values()].map(({ message, fix }) => fail('tables', message, fix));
}

/** A pattern without a table is a finding, and no reason to look at nothing else. */
async function findTables(
  client: pg.Client,
  source: SourceConfig,
): Promise<{ check: Check; tables: readonly CatalogTable[] }> {
  const all = await listTables(client);
  try {
    const tables = selectTables(all, source);
    return { tables, check: ok('tables', `source.tables names ${tables.length} tables`) };
  } catch (error) {
    if (!(error instanceof TailraceError)) throw error;
    const tables = all.filter(
      (table) => matchesTable(source.tables, table) && !matchesTable(source.exclude, table),
    );
    return { tables, check: fail('tables', error.message, error.fix) };
  }
}
