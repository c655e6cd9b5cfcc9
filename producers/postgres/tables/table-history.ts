import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { readMembers } from './insert-publication.ts';
import { quoteIdentifier, quoteTable } from '../quote.ts';
import { anewMessage } from '../stream/wal-message.ts';

/**
 * Where the history of a table without a key begins: rows that were there then are read from the table, inserts after
 * that come by the stream. A logical message stands at that place in the WAL; whatever the topic held of the table before
 * ends there.
 */
export interface HistoryStart {
  readonly oid: number;
  /** The transaction that began it. When it did not commit, the history did not begin. */
  readonly xid: string;
  /** The text of a snapshot: rows that it sees are read from the table. */
  readonly seen: string;
  /** In the form `16/B374D848`: inserts from here on come by the stream. */
  readonly lsn: string;
  /** The file that the rows were in: their places, which are their keys, mean nothing in another. */
  readonly filenode: string | null;
}

/** Of what was remembered, the histories that began, of tables that are still published. */
export async function findBegun(
  client: pg.Client,
  publication: string,
  starts: Iterable<HistoryStart>,
): Promise<Map<number, HistoryStart>> {
  const members = (await readMembers(client, publication)) ?? new Set();
  const published = [...starts].filter(({ oid }) => members.has(oid));
  // Of a transaction that Postgres has forgotten long since the end is not known; one that failed was superseded at once.
  const { rows } = await client.query<{ begun: string }>(
    `SELECT coalesce(pg_xact_status(xid::xid8), 'committed') = 'committed' AS begun
       FROM unnest($1::text[]) WITH ORDINALITY AS asked(xid, place) ORDER BY place`,
    [published.map(({ xid }) => xid)],
  );
  return new Map(
    published.filter((_, place) => rows[place]?.begun === 't').map((start) => [start.oid, start]),
  );
}

/** The files of these tables now, by oid. */
export async function readFiles(client: pg.Client, oids: readonly number[]): Promise<Map<number, string>> {
  const { rows } = await client.query<{ oid: string; filenode: string | null }>(
    'SELECT oid, pg_relation_filenode(oid) AS filenode FROM unnest($1::oid[]) oid',
    [oids],
  );
  return new Map(rows.map(({ oid, filenode }) => [Number(oid), filenode ?? '']));
}

/** Writers of the table wait as long behind our wish for a lock. */
const LOCK_TIMEOUT_MS = 2_000;
/** And as long for Kafka, which must know of the start before it is one. */
const KEEP_TIMEOUT_MS = 2_000;
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Begins the history of a table, or begins it anew. Null when the table's writers did not let go of it, or Kafka did not
 * answer, for so long: to be tried again later. Nobody writes to the table meanwhile, so each row is either seen by the
 * snapshot or comes by the stream. `keep` makes the start safe before it is one; `begin` is called right before the
 * stream can bring it.
 */
export async function beginHistory(
  client: pg.Client,
  { pipeline, publication }: { readonly pipeline: string; readonly publication: string },
  { oid, schema, name }: { readonly oid: number; readonly schema: string; readonly name: string },
  calls: { keep(start: HistoryStart): Promise<void>; begin(start: HistoryStart): void },
): Promise<HistoryStart | null> {
  // A transaction that has run for hours leaves many ids to look at, which would take long under the lock.
  const before = await readRunning(client, [], null);
  const table = quoteTable({ schema, name });
  await client.query(`BEGIN; SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
  try {
    await client.query(`LOCK TABLE ONLY ${table} IN SHARE ROW EXCLUSIVE MODE`);
    const members = await readMembers(client, publication);
    if (members?.has(oid) !== true)
      await client.query(`ALTER PUBLICATION ${quoteIdentifier(publication)} ADD TABLE ONLY ${table}`);
    await client.query(anewMessage(pipeline, oid));
    const { xmin, xmax, running } = await readRunning(client, before.running, before.xmax);
    const { rows } = await client.query<{ xid: string; lsn: string; filenode: string | null }>(
      `SELECT pg_current_xact_id() AS xid, pg_current_wal_insert_lsn() AS lsn,
              pg_relation_filenode($1::oid) AS filenode`,
      [oid],
    );
    const { xid = '', lsn = '', filenode = null } = rows[0] ?? {};
    const start = { oid, xid, seen: `${xmin}:${xmax}:${running.join(',')}`, lsn, filenode };
    const isKept = await Promise.race([
      calls.keep(start).then(() => true),
      delay(KEEP_TIMEOUT_MS, false, { ref: false }),
    ]);
    if (isKept) calls.begin(start);
    await client.query(isKept ? 'COMMIT' : 'ROLLBACK');
    return isKept ? start : null;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    if (error instanceof pg.DatabaseError && error.code === LOCK_NOT_AVAILABLE) return null;
    throw error;
  }
}

/**
 * What a query sees now. `running` holds subtransactions too, which Postgres' own text of a snapshot leaves out, though rows
 * have their ids. They are looked for among `known` and from the id `from` on; null: from the oldest one that runs.
 */
async function readRunning(
  client: pg.Client,
  known: readonly string[],
  from: string | null,
): Promise<{ xmin: string; xmax: string; running: string[] }> {
  const { rows } = await client.query<{ xmin: string; xmax: string; running: string | null }>(
    `WITH now AS MATERIALIZED (SELECT pg_current_snapshot() AS seen),
          bounds AS (SELECT pg_snapshot_xmin(seen)::text AS xmin, pg_snapshot_xmax(seen)::text AS xmax FROM now)
     SELECT xmin, xmax,
            (SELECT string_agg(xid::text, ',')
               FROM (SELECT unnest($1::bigint[]) AS xid
                     UNION SELECT generate_series(coalesce($2, xmin)::bigint, xmax::bigint - 1)) ids
              WHERE pg_xact_status(xid::text::xid8) = 'in progress') AS running
       FROM bounds`,
    [known, from],
  );
  const [row] = rows;
  if (row === undefined) throw new RangeError('a query without a condition gave no row');
  const { xmin, xmax, running } = row;
  return { xmin, xmax, running: running === null ? [] : running.split(',') };
}
