import type pg from 'pg';
import { TailraceError } from '../../core/errors.ts';
import { matchesTable } from '../../schemas/table-pattern.ts';
import { suggest } from '../../core/config/suggest.ts';
import type { SourceConfig } from '../../core/config/schema.ts';
import { sanitizeTopicPart } from '../../schemas/topics.ts';
import { listTables, type CatalogTable } from './catalog.ts';

/** pg_logical_emit_message in pgoutput, which carries heartbeats and watermarks, came with version 14. */
export const OLDEST_VERSION = 140_000;

/** An expression over `pg_roles r`. Amazon RDS gives the right through a role, since rolreplication is kept from users there. */
export const MAY_REPLICATE = `(r.rolsuper OR r.rolreplication OR EXISTS (
  SELECT FROM pg_roles g WHERE g.rolname = 'rds_replication' AND pg_has_role(r.oid, g.oid, 'MEMBER')))`;

/**
 * Checks what capture needs before anything is changed, and finds the tables to capture. Throws the first thing that is
 * wrong, with the statement or setting that mends it.
 */
export async function preflight(client: pg.Client, source: SourceConfig): Promise<CatalogTable[]> {
  const role = await checkServer(client);
  const tables = selectTables(await listTables(client), source);
  checkTables(tables, role);
  await checkRowSecurity(client, tables, role);
  return tables;
}

/** Returns the name of the role that is connected. */
async function checkServer(client: pg.Client): Promise<string> {
  const { rows } = await client.query<Record<string, string>>(
    `SELECT current_setting('server_version_num') AS number, current_setting('server_version') AS version,
            current_setting('wal_level') AS wal_level, pg_is_in_recovery() AS standby, r.rolname AS role,
            ${MAY_REPLICATE} AS replication
       FROM pg_roles r WHERE r.rolname = current_user`,
  );
  const server = rows[0] ?? {};
  const role = server['role'] ?? '';
  if (Number(server['number']) < OLDEST_VERSION) {
    throw new TailraceError(
      'SOURCE_VERSION_UNSUPPORTED',
      `Postgres ${server['version']} is too old: logical messages in the stream need version 14 or newer`,
      'upgrade Postgres to 14 or newer',
    );
  }
  if (server['wal_level'] !== 'logical') {
    throw new TailraceError(
      'SOURCE_WAL_LEVEL',
      `wal_level is ${server['wal_level']}, but logical replication needs logical`,
      'run ALTER SYSTEM SET wal_level = logical; and restart Postgres (managed services have a parameter for it)',
    );
  }
  if (server['standby'] === 't') {
    throw new TailraceError(
      'SOURCE_IN_RECOVERY',
      'the server is a standby, which takes no writes: heartbeats and watermarks cannot be written into its WAL',
      'name the primary in source.url, or promote this server',
    );
  }
  if (server['replication'] !== 't') {
    throw new TailraceError(
      'SOURCE_PERMISSION_DENIED',
      `role ${role} may not replicate`,
      `run as a superuser: ALTER ROLE ${quoteIdentifier(role)} REPLICATION;`,
    );
  }
  return role;
}

/** The snapshot would leave out rows that a policy hides, while the stream shows them all: refused rather than half a table. */
async function checkRowSecurity(
  client: pg.Client,
  tables: readonly CatalogTable[],
  role: string,
): Promise<void> {
  const { rows } = await client.query<{ oid: string }>(
    'SELECT oid FROM unnest($1::oid[]) oid WHERE row_security_active(oid)',
    [tables.map(({ oid }) => oid)],
  );
  const hidden = tables.filter(({ oid }) => rows.some((row) => Number(row.oid) === oid));
  const [first] = hidden;
  if (first === undefined) return;
  throw new TailraceError(
    'SOURCE_PERMISSION_DENIED',
    `row level security hides rows of ${first.schema}.${first.name} from role ${role}`,
    `run as a superuser: ALTER ROLE ${quoteIdentifier(role)} BYPASSRLS;`,
  );
}

/** The tables that the config's patterns name. Throws TABLE_NOT_FOUND for a pattern that names none. */
export function selectTables(all: readonly CatalogTable[], source: SourceConfig): CatalogTable[] {
  for (const pattern of source.tables) {
    if (all.some((table) => matchesTable([pattern], table))) continue;
    const known = all.map((table) => `${table.schema}.${table.name}`);
    throw new TailraceError(
      'TABLE_NOT_FOUND',
      `source.tables: no table matches ${pattern}${suggest(pattern, known)}`,
      known.length === 0
        ? 'the database has no tables of its own yet: create them first, or check the database in source.url'
        : `the database has: ${known.slice(0, 20).join(', ')}${known.length > 20 ? ', ...' : ''}`,
    );
  }
  return all.filter((table) => matchesTable(source.tables, table) && !matchesTable(source.exclude, table));
}

function checkTables(tables: readonly CatalogTable[], role: string): void {
  const topics = new Map<string, string>();
  for (const table of tables) {
    const name = `${table.schema}.${table.name}`;
    const quoted = quoteTable(table);
    if (!table.hasPrimaryKey) {
      throw new TailraceError(
        'TABLE_WITHOUT_KEY',
        `table ${name} has no primary key, so its rows cannot be told apart in a store`,
        `run ALTER TABLE ${quoted} ADD PRIMARY KEY (...); or leave it out with source.exclude: [${name}]`,
      );
    }
    if (!table.selectable) {
      throw new TailraceError(
        'SOURCE_PERMISSION_DENIED',
        `role ${role} may not read table ${name}, which the snapshot needs`,
        `run as its owner: GRANT SELECT ON ${quoted} TO ${quoteIdentifier(role)};`,
      );
    }
    const topic = `${sanitizeTopicPart(table.schema)}.${sanitizeTopicPart(table.name)}`;
    const other = topics.get(topic);
    if (other !== undefined) {
      throw new TailraceError(
        'TABLE_NAMES_COLLIDE',
        `tables ${other} and ${name} would share one topic, because Kafka allows only letters, digits, ., _ and -`,
        'rename one of them or leave one out with source.exclude',
      );
    }
    topics.set(topic, name);
  }
}

export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteTable(table: { schema: string; name: string }): string {
  return `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
}
