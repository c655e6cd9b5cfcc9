import type pg from 'pg';
import { TailraceError } from '../../core/errors.ts';
import { matchesTable } from '../../schemas/table-pattern.ts';
import { suggest } from '../../core/config/suggest.ts';
import type { SourceConfig } from '../../core/config/schema.ts';
import { listTables, type CatalogTable } from './tables/catalog.ts';
import { quoteIdentifier } from './quote.ts';
import { findTableProblems } from './tables/table-problems.ts';

/** pg_logical_emit_message in pgoutput, which carries heartbeats and watermarks, came with version 14. */
export const OLDEST_VERSION = 140_000;

/** An expression over `pg_roles r`. Amazon RDS gives the right through a role, since rolreplication is kept from users there. */
export const MAY_REPLICATE = `(r.rolsuper OR r.rolreplication OR EXISTS (
  SELECT FROM pg_roles g WHERE g.rolname = 'rds_replication' AND pg_has_role(r.oid, g.oid, 'MEMBER')))`;

/** The tables that the config names. */
export interface Selection {
  readonly tables: readonly CatalogTable[];
  /** Why some of them cannot be captured, by oid. */
  readonly problems: ReadonlyMap<number, TailraceError>;
}

/**
 * Checks what capture needs before anything is changed, and finds the tables to capture. Throws what is wrong with the
 * server or the config, with the statement or setting that mends it.
 */
export async function preflight(client: pg.Client, source: SourceConfig): Promise<Selection> {
  await checkServer(client);
  const tables = selectTables(await listTables(client), source);
  return { tables, problems: await findTableProblems(client, tables, source.appendOnly) };
}

async function checkServer(client: pg.Client): Promise<void> {
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
