import type pg from 'pg';
import { quoteIdentifier, quoteTable } from '../quote.ts';

/** From this version on Postgres refuses updates whose identity has a generated column that is not published. */
const GENERATED_REFUSED_SINCE = 180_000;

/** What Postgres knows rows of one table by: its key, and what it writes of an old row into the WAL. */
export interface TableIdentity {
  /** The captured table: itself, or the root of the partition. */
  readonly root: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: 'table' | 'partitioned' | 'foreign';
  readonly isPartition: boolean;
  readonly identity: 'default' | 'full' | 'index' | 'nothing';
  /** The primary key as SQL lists it; null without one. */
  readonly key: string | null;
  readonly keyName: string | null;
  readonly isKeyDeferrable: boolean;
  /** Columns of the key that Postgres computes. */
  readonly generatedKey: readonly string[];
  readonly hasGenerated: boolean;
  /** The index of REPLICA IDENTITY USING INDEX; null where there is none, or it was dropped. */
  readonly index: string | null;
  readonly indexHoldsKey: boolean;
  readonly indexHasGenerated: boolean;
  /** What follows ADD PRIMARY KEY to make a key of a unique index over columns that are never null. */
  readonly keyCandidate: string | null;
  /** Of a partitioned table: a partition whose identity is not FULL. */
  readonly narrowPartition: string | null;
  /** `server_version_num`. */
  readonly version: number;
}

export interface IdentityProblem {
  readonly code: 'TABLE_WITHOUT_KEY' | 'TABLE_IDENTITY';
  /** What is wrong and what follows from it; reads on after the table's name. */
  readonly what: string;
  /** One statement that mends it, or what to do instead. */
  readonly fix: string;
}

const KINDS = { r: 'table', p: 'partitioned', f: 'foreign' } as const;
const IDENTITIES = { d: 'default', f: 'full', i: 'index', n: 'nothing' } as const;

interface IdentityRow {
  readonly root: string;
  readonly schema: string;
  readonly name: string;
  readonly kind: keyof typeof KINDS;
  readonly partition: string;
  readonly identity: keyof typeof IDENTITIES;
  readonly key: string | null;
  readonly key_name: string | null;
  readonly deferrable: string | null;
  readonly generated_key: string;
  readonly has_generated: string;
  readonly index: string | null;
  readonly holds_key: string | null;
  readonly index_generated: string | null;
  readonly candidate: string | null;
  readonly narrow: string | null;
  readonly version: string;
}

/** The identities of these tables and of all their partitions, each table before its partitions. */
export async function readIdentities(client: pg.Client, oids: readonly number[]): Promise<TableIdentity[]> {
  const { rows } = await client.query<IdentityRow>(
    `SELECT root, n.nspname AS schema, c.relname AS name, c.relkind AS kind, c.relispartition AS partition,
            c.relreplident AS identity, current_setting('server_version_num') AS version,
            (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.place)
               FROM unnest((p.indkey::int2[])[0:p.indnkeyatts - 1]) WITH ORDINALITY AS k(attnum, place)
               JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum) AS key,
            (SELECT o.conname FROM pg_constraint o WHERE o.conindid = p.indexrelid AND o.contype = 'p') AS key_name,
            NOT p.indimmediate AS deferrable,
            (SELECT coalesce(json_agg(a.attname), '[]') FROM pg_attribute a
              WHERE a.attrelid = c.oid AND a.attgenerated <> ''
                AND a.attnum = ANY ((p.indkey::int2[])[0:p.indnkeyatts - 1])) AS generated_key,
            EXISTS (SELECT FROM pg_attribute a
                     WHERE a.attrelid = c.oid AND a.attgenerated <> '' AND NOT a.attisdropped) AS has_generated,
            x.relname AS index,
            -- Columns that the index only includes are not written.
            (p.indkey::int2[])[0:p.indnkeyatts - 1] <@ (i.indkey::int2[])[0:i.indnkeyatts - 1] AS holds_key,
            EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attgenerated <> ''
                       AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])) AS index_generated,
            -- A unique index that serves a constraint already cannot become the key, nor can any of a partitioned table.
            (SELECT CASE WHEN c.relkind = 'p' OR EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = u.indexrelid)
                         THEN '(' || (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.place)
                                        FROM unnest((u.indkey::int2[])[0:u.indnkeyatts - 1]) WITH ORDINALITY AS k(attnum, place)
                                        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum) || ')'
                         ELSE 'USING INDEX ' || quote_ident(ux.relname) END
               FROM pg_index u JOIN pg_class ux ON ux.oid = u.indexrelid
              WHERE u.indrelid = c.oid AND u.indisunique AND u.indimmediate AND u.indisvalid
                AND u.indpred IS NULL AND u.indexprs IS NULL
                AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attnotnull
                                   AND a.attnum = ANY ((u.indkey::int2[])[0:u.indnkeyatts - 1]))
              ORDER BY ux.relname LIMIT 1) AS candidate,
            CASE WHEN c.relkind = 'p' AND c.relreplident = 'f' THEN
              (SELECT l.relname FROM pg_partition_tree(c.oid) t JOIN pg_class l ON l.oid = t.relid
                WHERE t.isleaf AND l.relkind = 'r' AND l.relreplident <> 'f' ORDER BY 1 LIMIT 1) END AS narrow
       FROM unnest($1::oid[]) root
            CROSS JOIN LATERAL (SELECT root AS oid UNION SELECT relid FROM pg_partition_tree(root)) member
       JOIN pg_class c ON c.oid = member.oid JOIN pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN pg_index p ON p.indrelid = c.oid AND p.indisprimary
       LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisreplident
       LEFT JOIN pg_class x ON x.oid = i.indexrelid
      ORDER BY c.relispartition, n.nspname, c.relname`,
    [oids],
  );
  return rows.map((row) => ({
    root: Number(row.root),
    schema: row.schema,
    name: row.name,
    kind: KINDS[row.kind],
    isPartition: row.partition === 't',
    identity: IDENTITIES[row.identity],
    key: row.key,
    keyName: row.key_name,
    isKeyDeferrable: row.deferrable === 't',
    generatedKey: JSON.parse(row.generated_key) as string[],
    hasGenerated: row.has_generated === 't',
    index: row.index,
    indexHoldsKey: row.holds_key === 't',
    indexHasGenerated: row.index_generated === 't',
    keyCandidate: row.candidate,
    narrowPartition: row.narrow,
    version: Number(row.version),
  }));
}

const HISTORY =
  'or leave it out with source.exclude; or, for an ordinary table that only gets inserts, name it in source.appendOnly';
const FAILS = 'once published, its updates and deletes fail in Postgres';

/** Why updates or deletes of the table would fail in Postgres, or would not tell their row. */
export function findIdentityProblem(table: TableIdentity): IdentityProblem | null {
  const quoted = quoteTable(table);
  if (table.kind === 'foreign') return null;
  if (table.key === null) {
    const added = `ALTER TABLE ${quoted} ADD PRIMARY KEY`;
    const isRefused = table.identity === 'default' || table.identity === 'nothing';
    return {
      code: 'TABLE_WITHOUT_KEY',
      what: `has no primary key, so its rows cannot be told apart in a store${isRefused ? `, and ${FAILS}` : ''}`,
      fix:
        table.keyCandidate === null
          ? `${added} (...); ${HISTORY}`
          : `${added} ${table.keyCandidate}; -- ${HISTORY}`,
    };
  }
  if (table.generatedKey.length > 0) {
    const [column = ''] = table.generatedKey;
    return {
      code: 'TABLE_IDENTITY',
      what: `has the generated column ${quoteIdentifier(column)} in its primary key, which Postgres does not send`,
      fix: `ALTER TABLE ${quoted} ALTER COLUMN ${quoteIdentifier(column)} DROP EXPRESSION; the application then fills it; or leave the table out with source.exclude`,
    };
  }
  const found = table.kind === 'partitioned' ? problemOfRoot(table) : problemOfRows(table);
  return found === null ? null : { code: 'TABLE_IDENTITY', ...found };
}

type Problem = Omit<IdentityProblem, 'code'>;

/** Rows lie in the partitions and have their identity; that of the root only says how Postgres marks old rows. */
function problemOfRoot(table: TableIdentity): Problem | null {
  if (table.isPartition || table.identity !== 'full' || table.narrowPartition === null) return null;
  return {
    what: `has REPLICA IDENTITY FULL, but its partition ${quoteIdentifier(table.narrowPartition)} has not: the old rows of that one come with nulls in place of values`,
    fix: `ALTER TABLE ${quoteTable(table)} REPLICA IDENTITY DEFAULT;`,
  };
}

function problemOfRows(table: TableIdentity): Problem | null {
  const fix = mendIdentity(table);
  const refusesGenerated = table.version >= GENERATED_REFUSED_SINCE;
  if (table.isKeyDeferrable && table.identity !== 'nothing') return problemOfDeferrable(table);
  switch (table.identity) {
    case 'nothing':
      return { what: `has REPLICA IDENTITY NOTHING: ${FAILS}`, fix };
    case 'default':
      return null;
    case 'full':
      return table.hasGenerated && refusesGenerated
        ? { what: `has REPLICA IDENTITY FULL and a generated column, which is not published: ${FAILS}`, fix }
        : null;
    case 'index':
      if (table.index === null)
        return { what: `has REPLICA IDENTITY USING INDEX, but that index is gone: ${FAILS}`, fix };
      if (!table.indexHoldsKey) {
        const index = quoteIdentifier(table.index);
        return {
          what: `has REPLICA IDENTITY USING INDEX ${index}, which lacks columns of the primary key: a delete does not tell its row`,
          fix,
        };
      }
      return table.indexHasGenerated && refusesGenerated
        ? {
            what: `has REPLICA IDENTITY USING INDEX with a generated column, which is not published: ${FAILS}`,
            fix,
          }
        : null;
  }
}

/** While it is deferred, two rows may have one key: the delete of the one that leaves it would take the other away. */
function problemOfDeferrable(table: TableIdentity): Problem {
  const what =
    table.identity === 'default'
      ? `has a deferrable primary key, which is no replica identity: ${FAILS}`
      : 'has a deferrable primary key: rows that exchange their keys in one transaction cannot be told apart';
  return { what, fix: mendIdentity(table) };
}

function mendIdentity(table: TableIdentity): string {
  const alter = `ALTER TABLE ${quoteTable(table)}`;
  const chosen = table.identity === 'default' ? '' : 'REPLICA IDENTITY DEFAULT';
  if (!table.isKeyDeferrable) return `${alter} ${chosen};`;
  const name = quoteIdentifier(table.keyName ?? '');
  const key = `${alter} DROP CONSTRAINT ${name}, ADD CONSTRAINT ${name} PRIMARY KEY (${table.key ?? ''})`;
  return chosen === '' ? `${key};` : `${key}, ${chosen};`;
}
