import type pg from 'pg';
import type { CatalogTable } from './catalog.ts';
import { quoteIdentifier, quoteTable } from '../quote.ts';
import { publicationStatements } from '../slot/slot.ts';

/**
 * Tables without a key have a publication of their own, which carries no updates and deletes: Postgres would refuse these on
 * a table that has nothing to tell its rows by.
 */
export function insertPublicationName(slot: string): string {
  return `${slot}_inserts`;
}

/**
 * The statements that make the publications or bring them up to date: that of the tables with a key, and, where the config
 * allows for tables without one, the other, which gets a table when its history begins.
 */
export async function bothPublicationStatements(
  client: pg.Client,
  slot: string,
  tables: readonly CatalogTable[],
  appendOnly: readonly string[],
): Promise<string[]> {
  const keyed = tables.filter(({ hasPrimaryKey }) => hasPrimaryKey);
  return [
    ...(await publicationStatements(client, slot, keyed)),
    ...(appendOnly.length === 0
      ? []
      : await insertPublicationStatements(client, insertPublicationName(slot))),
  ];
}

async function insertPublicationStatements(client: pg.Client, publication: string): Promise<string[]> {
  const name = quoteIdentifier(publication);
  const options = "publish = 'insert, truncate', publish_via_partition_root = true";
  const { rows } = await client.query<{ fit: string }>(
    `SELECT pubinsert AND pubtruncate AND NOT pubupdate AND NOT pubdelete AS fit FROM pg_publication WHERE pubname = $1`,
    [publication],
  );
  const [found] = rows;
  if (found === undefined) return [`CREATE PUBLICATION ${name} WITH (${options})`];
  return found.fit === 't' ? [] : [`ALTER PUBLICATION ${name} SET (${options})`];
}

/** The oids of the tables in a publication; null when there is no such publication. */
export async function readMembers(
  client: pg.Client,
  publication: string,
): Promise<ReadonlySet<number> | null> {
  const { rows } = await client.query<{ oid: string | null }>(
    `SELECT r.prrelid AS oid FROM pg_publication p LEFT JOIN pg_publication_rel r ON r.prpubid = p.oid WHERE p.pubname = $1`,
    [publication],
  );
  if (rows.length === 0) return null;
  return new Set(rows.flatMap(({ oid }) => (oid === null ? [] : [Number(oid)])));
}

/** Tables that are no longer captured as history. */
export async function removeMembers(
  client: pg.Client,
  publication: string,
  oids: readonly number[],
): Promise<void> {
  const { rows } = await client.query<{ schema: string; name: string }>(
    `SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.oid = ANY ($1::oid[])`,
    [oids],
  );
  if (rows.length === 0) return;
  const list = rows.map((table) => `ONLY ${quoteTable(table)}`).join(', ');
  await client.query(`ALTER PUBLICATION ${quoteIdentifier(publication)} DROP TABLE ${list}`);
}

/**
 * Whether the slot may be read with this publication. Before version 18 Postgres ends the stream at the first change that is
 * older than one of its publications. What came before the slot's catalog_xmin is seen by all that is still to be decoded.
 * A publication that has tables was read with before, since it gets them only then.
 */
export async function canDecodeWith(client: pg.Client, publication: string, slot: string): Promise<boolean> {
  const { rows } = await client.query<{ fit: string }>(
    `SELECT current_setting('server_version_num')::int >= 180000 OR age(p.xmin) > age(s.catalog_xmin)
            OR EXISTS (SELECT FROM pg_publication_rel r WHERE r.prpubid = p.oid) AS fit
       FROM pg_publication p, pg_replication_slots s WHERE p.pubname = $1 AND s.slot_name = $2`,
    [publication, slot],
  );
  return rows[0]?.fit === 't';
}
