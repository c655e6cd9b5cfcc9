import type pg from 'pg';
import { TailraceError } from '../../../core/errors.ts';
import { formatLsn, parseLsn } from '../../../schemas/lsn.ts';
import {
  findPositionProblem,
  findSlotProblem,
  type FoundSlot,
  type RecordedPosition,
} from './position-check.ts';
import { quoteIdentifier, quoteTable } from '../quote.ts';
import { readSourceIdentity, type TimelineEnd } from './source-identity.ts';
import { slotInUse } from './standby.ts';

/** What the state topic remembers of the slot, to tell a first start from a lost position. */
export interface SlotRecord extends RecordedPosition {
  readonly database: string;
}

/** The slot as the server shows it. */
export interface SlotStatus extends FoundSlot {
  /** WAL kept for the slot, bytes. */
  readonly retainedBytes: number;
  /** WAL that may still be written before the slot is lost, bytes; null without a limit. */
  readonly safeBytes: number | null;
  /** Written by the server and not yet confirmed, bytes. */
  readonly lagBytes: number;
  /** End of the WAL that the server has written; its growth is the server's WAL rate. */
  readonly writtenLsn: bigint;
  readonly activePid: number | null;
  /** Null for a physical slot. */
  readonly plugin: string | null;
  readonly database: string | null;
  /** Whether standbys may keep a copy of it; null before Postgres 17. */
  readonly failover: boolean | null;
}

export interface SlotOptions {
  /**
   * The slot as it was before the state topic was read, in this order: where another producer records and acknowledges
   * meanwhile, the slot is then never beyond the record.
   */
  readonly found: SlotStatus | null;
  /** Highest commit LSN that the topics hold; null when they are empty. */
  readonly sentLsn: bigint | null;
  /** Makes a new slot one that standbys copy, where the server can (17 and newer). */
  readonly failover: boolean;
  /** The past of a timeline; asked only when the server's timeline is not the recorded one. */
  readonly historyOf: (timeline: number) => Promise<readonly TimelineEnd[]>;
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
  // With its children published too, updates of one without a key would fail. A partitioned table has its partitions anyway.
  const list = tables.map((table) => `ONLY ${quoteTable(table)}`).join(', ');
  const name = quoteIdentifier(publication);
  // Without the root's name the changes of a partition would come under the partition's own name, and be passed over.
  const options = "publish = 'insert, update, delete, truncate', publish_via_partition_root = true";
  const { rows: existing } = await client.query<{ complete: string }>(
    `SELECT pubinsert AND pubupdate AND pubdelete AND pubtruncate AND pubviaroot AS complete
       FROM pg_publication WHERE pubname = $1`,
    [publication],
  );
  const [found] = existing;
  const forTables = tables.length === 0 ? '' : ` FOR TABLE ${list}`;
  if (found === undefined) return [`CREATE PUBLICATION ${name}${forTables} WITH (${options})`];
  const { rows } = await client.query<{ schema: string; name: string }>(
    'SELECT schemaname AS schema, tablename AS name FROM pg_publication_tables WHERE pubname = $1',
    [publication],
  );
  const published = new Set(rows.map(quoteTable));
  const wanted = new Set(tables.map(quoteTable));
  const isCurrent = published.size === wanted.size && [...wanted].every((table) => published.has(table));
  return [
    ...(found.complete === 't' ? [] : [`ALTER PUBLICATION ${name} SET (${options})`]),
    ...(isCurrent
      ? []
      : [
          `ALTER PUBLICATION ${name} ${tables.length === 0 ? `DROP TABLE ${rows.map(quoteTable).join(', ')}` : `SET TABLE ${list}`}`,
        ]),
  ];
}

/**
 * Makes sure that the slot exists and that reading it goes on exactly where this pipeline ended. A slot is created only
 * when `known` is null, that is at the first start: one that is gone would hide every change since. Returns the record
 * to keep from now on. Throws POSITION_LOST, SLOT_IN_USE while somebody reads it, and at the first start SLOT_FOREIGN for
 * a slot of somebody else.
 */
export async function ensureSlot(
  client: pg.Client,
  slot: string,
  known: SlotRecord | null,
  { found, sentLsn, failover, historyOf }: SlotOptions,
): Promise<SlotRecord> {
  const source = await readSourceIdentity(client);
  const foreign = found === null ? null : findForeignOwner(slot, found, source.database);
  if (foreign !== null) throw known === null ? slotForeign(foreign) : positionLost(foreign);
  if (found !== null && found.activePid !== null) throw slotInUse(slot, found.activePid);
  const { systemIdentifier, database, timeline } = source;
  const record = { slot, systemIdentifier, database, timeline };
  if (known === null && found === null) {
    return { ...record, confirmedLsn: formatLsn(await createSlot(client, slot, failover)) };
  }
  const isOtherTimeline = known?.timeline !== undefined && known.timeline !== timeline;
  const history = isOtherTimeline ? await historyOf(timeline) : [];
  const problem =
    known === null
      ? findSlotProblem(slot, found)
      : findPositionProblem({ known: { ...known, slot }, source, history, slot: found, sentLsn });
  if (problem !== null) throw positionLost(problem);
  const confirmed = found?.confirmedLsn ?? null;
  const confirmedLsn = known?.confirmedLsn ?? (confirmed === null ? undefined : formatLsn(confirmed));
  return { ...record, confirmedLsn };
}

/** Null when there is no such slot. */
export async function readSlotStatus(client: pg.Client, slot: string): Promise<SlotStatus | null> {
  // Columns that newer versions added are read by way of JSON, where they are null in older ones.
  const { rows } = await client.query<Record<string, string | null>>(
    `SELECT confirmed_flush_lsn AS confirmed, written - restart_lsn AS retained, safe_wal_size AS safe,
            written - confirmed_flush_lsn AS lag, written, active_pid AS pid, plugin, database, wal_status,
            to_jsonb(s) ->> 'invalidation_reason' AS invalidation, to_jsonb(s) ->> 'failover' AS failover
       FROM pg_replication_slots s,
            LATERAL (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END) w(written)
      WHERE slot_name = $1`,
    [slot],
  );
  const [row] = rows;
  if (row === undefined) return null;
  return {
    confirmedLsn: row['confirmed'] == null ? null : parseLsn(row['confirmed']),
    retainedBytes: Number(row['retained'] ?? 0),
    safeBytes: row['safe'] == null ? null : Number(row['safe']),
    lagBytes: Number(row['lag'] ?? 0),
    writtenLsn: parseLsn(row['written'] ?? '0/0'),
    activePid: row['pid'] == null ? null : Number(row['pid']),
    plugin: row['plugin'] ?? null,
    database: row['database'] ?? null,
    walStatus: row['wal_status'] ?? null,
    invalidation: row['invalidation'] ?? null,
    failover: row['failover'] == null ? null : row['failover'] === 'true',
  };
}

/** Returns where the new slot begins. Postgres waits here for every transaction that has begun before. */
async function createSlot(client: pg.Client, slot: string, failover: boolean): Promise<bigint> {
  const { rows: versions } = await client.query<{ number: string }>(
    "SELECT current_setting('server_version_num') AS number",
  );
  // A failover slot costs nothing where no standby copies it.
  const flags = failover && Number(versions[0]?.number) >= 170_000 ? ', failover => true' : '';
  const { rows } = await client.query<{ lsn: string }>(
    `SELECT lsn FROM pg_create_logical_replication_slot($1, 'pgoutput'${flags})`,
    [slot],
  );
  return parseLsn(rows[0]?.lsn ?? '');
}

/** Why a slot of our name is not ours; null when it was made for this database and for pgoutput. */
export function findForeignOwner(name: string, slot: SlotStatus, database: string): string | null {
  if (slot.plugin === 'pgoutput' && slot.database === database) return null;
  const kind = slot.plugin === null ? 'physical' : `plugin ${slot.plugin}, database ${slot.database}`;
  return `replication slot ${name} belongs to something else (${kind})`;
}

function slotForeign(what: string): TailraceError {
  return new TailraceError(
    'SLOT_FOREIGN',
    what,
    'give this pipeline another name, or drop the foreign slot if nobody needs it',
  );
}

function positionLost(what: string): TailraceError {
  return new TailraceError(
    'POSITION_LOST',
    `the position in the WAL is lost: ${what}`,
    'if source.url names the wrong server, mend it. Else changes are missing that nobody can read again: to begin anew with a ' +
      'fresh snapshot run `tailrace slot drop`, then give the pipeline a new name or delete its state topic; rows deleted ' +
      'meanwhile stay in the stores until they are rebuilt. See docs/errors.md',
  );
}
