import type pg from 'pg';
import { TailraceError } from '../../core/errors.ts';
import { parseLsn } from '../../schemas/lsn.ts';
import { quoteIdentifier, quoteTable } from './preflight.ts';

/** What the state topic remembers of the slot, to tell a first start from a lost slot. */
export interface SlotRecord {
  readonly slot: string;
  /** Identifies the cluster; a restored or another server has another one. */
  readonly systemIdentifier: string;
  readonly database: string;
}

/** The slot as the server shows it. */
export interface SlotStatus {
  readonly confirmedLsn: bigint | null;
  /** WAL kept for the slot, bytes. */
  readonly retainedBytes: number;
  /** WAL that may still be written before the slot is lost, bytes; null without a limit. */
  readonly safeBytes: number | null;
  /** Written by the server and not yet confirmed, bytes. */
  readonly lagBytes: number;
  readonly activePid: number | null;
}

/** Slot and publication share the name; slots allow only a-z, 0-9 and _. */
export function slotName(pipeline: string): string {
  return `${pipeline.replaceAll('-', '_')}_tailrace`;
}

/** The statements that make or bring up to date the publication, for `setup` and for `setup --print-sql`. */
export async function publicationStatements(
  client: pg.Client,
  publication: string,
  tables: readonly { schema: string; name: string }[],
): Promise<string[]> {
  const { rows: existing } = await client.query('SELECT FROM pg_publication WHERE pubname = $1', [
    publication,
  ]);
  const list = tables.map(quoteTable).join(', ');
  const name = quoteIdentifier(publication);
  if (existing.length === 0) {
    return [
      `CREATE PUBLICATION ${name} FOR TABLE ${list} WITH (publish = 'insert, update, delete, truncate', publish_via_partition_root = true)`,
    ];
  }
  const { rows } = await client.query<{ schema: string; name: string }>(
    'SELECT schemaname AS schema, tablename AS name FROM pg_publication_tables WHERE pubname = $1',
    [publication],
  );
  const published = new Set(rows.map(quoteTable));
  const wanted = new Set(tables.map(quoteTable));
  return published.size === wanted.size && [...wanted].every((table) => published.has(table))
    ? []
    : [`ALTER PUBLICATION ${name} SET TABLE ${list}`];
}

/**
 * Makes sure that the slot exists and is the one that this pipeline has read so far. A slot is created only when `known`
 * is null, that is at the first start: a slot that is gone would hide every change since, so that is POSITION_LOST.
 */
export async function ensureSlot(
  client: pg.Client,
  slot: string,
  known: SlotRecord | null,
): Promise<SlotRecord> {
  const current = await currentSource(client);
  const record = { slot, ...current };
  if (known !== null && known.systemIdentifier !== current.systemIdentifier) {
    throw positionLost(
      `the server is another one than before (system identifier ${current.systemIdentifier}, was ${known.systemIdentifier})`,
    );
  }
  const { rows } = await client.query<Record<string, string | null>>(
    'SELECT plugin, database, wal_status, confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = $1',
    [slot],
  );
  const [found] = rows;
  if (found === undefined) {
    if (known !== null) throw positionLost(`replication slot ${slot} is gone`);
    await client.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [slot]);
    return record;
  }
  if (found['plugin'] !== 'pgoutput' || found['database'] !== current.database) {
    throw new TailraceError(
      'SLOT_IN_USE',
      `replication slot ${slot} belongs to something else (plugin ${found['plugin']}, database ${found['database']})`,
      'give this pipeline another name, or drop the foreign slot if it is not needed',
    );
  }
  if (found['wal_status'] === 'lost') {
    throw positionLost(`Postgres has removed WAL that slot ${slot} still needed (max_slot_wal_keep_size)`);
  }
  return record;
}

export async function readSlotStatus(client: pg.Client, slot: string): Promise<SlotStatus | null> {
  const { rows } = await client.query<Record<string, string | null>>(
    `SELECT confirmed_flush_lsn AS confirmed, pg_current_wal_lsn() - restart_lsn AS retained, safe_wal_size AS safe,
            pg_current_wal_lsn() - confirmed_flush_lsn AS lag, active_pid AS pid
       FROM pg_replication_slots WHERE slot_name = $1`,
    [slot],
  );
  const [row] = rows;
  if (row === undefined) return null;
  return {
    confirmedLsn: row['confirmed'] == null ? null : parseLsn(row['confirmed']),
    retainedBytes: Number(row['retained'] ?? 0),
    safeBytes: row['safe'] == null ? null : Number(row['safe']),
    lagBytes: Number(row['lag'] ?? 0),
    activePid: row['pid'] == null ? null : Number(row['pid']),
  };
}

async function currentSource(client: pg.Client): Promise<{ systemIdentifier: string; database: string }> {
  const { rows } = await client.query<{ id: string; database: string }>(
    'SELECT system_identifier::text AS id, current_database() AS database FROM pg_control_system()',
  );
  return { systemIdentifier: rows[0]?.id ?? '', database: rows[0]?.database ?? '' };
}

function positionLost(what: string): TailraceError {
  return new TailraceError(
    'POSITION_LOST',
    `the position in the WAL is lost: ${what}`,
    'changes since then cannot be read any more. To begin again with a fresh snapshot, give the pipeline a new name, or delete its ' +
      'state topic; rows deleted meanwhile stay in the stores until they are rebuilt. See docs/errors.md',
  );
}
