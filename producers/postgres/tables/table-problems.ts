import type pg from 'pg';
import { TailraceError } from '../../../core/errors.ts';
import { matchesTable } from '../../../schemas/table-pattern.ts';
import { sanitizeTopicPart } from '../../../schemas/topics.ts';
import type { CatalogTable } from './catalog.ts';
import { quoteIdentifier, quoteTable } from '../quote.ts';
import { findIdentityProblem, readIdentities, type TableIdentity } from './table-identity.ts';

type Named = Pick<CatalogTable, 'schema' | 'name'>;

/**
 * Why each of these tables cannot be captured beside those that are already, by its oid; a table that can be captured has
 * no entry. Those that `appendOnly` names need no key. To be asked before a table is published: Postgres then refuses updates that it took before.
 */
export async function findTableProblems(
  client: pg.Client,
  tables: readonly CatalogTable[],
  appendOnly: readonly string[],
  captured: readonly Named[] = [],
): Promise<Map<number, TailraceError>> {
  const problems = new Map<number, TailraceError>();
  const add = (oid: number, problem: TailraceError | null) => {
    if (problem !== null && !problems.has(oid)) problems.set(oid, problem);
  };
  const role = await currentRole(client);
  const oids = tables.map(({ oid }) => oid);
  const namesakes = findNameProblems(tables, captured);
  for (const table of tables) add(table.oid, namesakes.get(table) ?? null);
  for (const identity of await readIdentities(client, oids)) {
    if (isHistory(identity, appendOnly)) continue;
    const problem = findIdentityProblem(identity);
    if (problem === null) continue;
    const message = `table ${identity.schema}.${identity.name} ${problem.what}`;
    add(identity.root, new TailraceError(problem.code, message, `run ${problem.fix}`));
  }
  for (const table of tables) add(table.oid, findRightsProblem(table, role));
  const readable = oids.filter((oid) => !problems.has(oid));
  const hidden = await hiddenTables(client, readable);
  for (const table of tables) if (hidden.has(table.oid)) add(table.oid, rowsHidden(table, role));
  return problems;
}

/** Whether the table has no key and is captured as history. A partitioned one has no single file whose places tell its rows apart. */
export function isHistory(table: TableIdentity, appendOnly: readonly string[]): boolean {
  return table.key === null && table.kind === 'table' && matchesTable(appendOnly, table);
}

/** The tables that cannot have a topic of their own, with the reason. */
export function findNameProblems<Table extends Named>(
  tables: readonly Table[],
  captured: readonly Named[] = [],
): Map<Table, TailraceError> {
  const problems = new Map<Table, TailraceError>();
  const taken = new Map(captured.map((table) => [topicKey(table), table]));
  for (const table of tables) {
    const problem = findNameProblem(table, taken);
    if (problem !== null) problems.set(table, problem);
  }
  return problems;
}

async function currentRole(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ role: string }>('SELECT current_user AS role');
  return rows[0]?.role ?? '';
}

/** Kafka refuses a topic whose name differs from another's only in `.` and `_`. */
function topicKey({ schema, name }: Named): string {
  return `${sanitizeTopicPart(schema)}.${sanitizeTopicPart(name)}`.replaceAll('.', '_');
}

const OWN_TOPICS = /^tailrace_(state|status|control|dlq.*)$/;

/** Notes the table's name among those that are taken. */
function findNameProblem(table: Named, taken: Map<string, Named>): TailraceError | null {
  const name = qualified(table);
  const key = topicKey(table);
  if (OWN_TOPICS.test(key)) {
    return new TailraceError(
      'TABLE_NAMES_COLLIDE',
      `table ${name} would have the topic that Tailrace keeps for itself`,
      `rename the table or its schema, or leave it out with source.exclude: [${name}]`,
    );
  }
  const other = taken.get(key);
  if (other !== undefined) {
    return new TailraceError(
      'TABLE_NAMES_COLLIDE',
      `tables ${qualified(other)} and ${name} would share one topic: Kafka allows only letters, digits, ., _ and -, and takes . and _ for the same`,
      'rename one of them or leave one out with source.exclude',
    );
  }
  taken.set(key, table);
  return null;
}

function findRightsProblem(table: CatalogTable, role: string): TailraceError | null {
  if (table.selectable) return null;
  return new TailraceError(
    'SOURCE_PERMISSION_DENIED',
    `role ${role} may not read table ${qualified(table)}, which the snapshot needs`,
    `run as its owner: GRANT SELECT ON ${quoteTable(table)} TO ${quoteIdentifier(role)};`,
  );
}

/** The snapshot would leave out rows that a policy hides, while the stream shows them all: refused rather than half a table. */
async function hiddenTables(client: pg.Client, oids: readonly number[]): Promise<Set<number>> {
  const { rows } = await client.query<{ oid: string }>(
    'SELECT oid FROM unnest($1::oid[]) oid WHERE row_security_active(oid)',
    [oids],
  );
  return new Set(rows.map(({ oid }) => Number(oid)));
}

function rowsHidden(table: Named, role: string): TailraceError {
  return new TailraceError(
    'SOURCE_PERMISSION_DENIED',
    `row level security hides rows of ${qualified(table)} from role ${role}`,
    `run as a superuser: ALTER ROLE ${quoteIdentifier(role)} BYPASSRLS;`,
  );
}

function qualified({ schema, name }: Named): string {
  return `${schema}.${name}`;
}
