import type pg from 'pg';
import type { Column, ForeignKey, TableSchema } from '../../../schemas/table-schema.ts';
import type { ValueKind } from '../../../schemas/value.ts';

/** A table as the catalogue names it. */
export interface CatalogTable {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly hasPrimaryKey: boolean;
  readonly partitioned: boolean;
  readonly owner: boolean;
  readonly selectable: boolean;
}

/** The only key column of a table that has none of its own: 32 hex digits that tell its rows apart. */
export const POSITION_COLUMN = '_position';

export const POSITION: Column = { name: POSITION_COLUMN, type: 'text', kind: 'text', nullable: false };

/** Whether the rows of a table are told apart by their positions alone. */
export function isKeyless(table: TableSchema): boolean {
  return table.key.length === 1 && table.key[0] === POSITION_COLUMN;
}

/** Ordinary and partitioned tables of the database that are the user's own; partitions belong to their root. */
export async function listTables(client: pg.Client): Promise<CatalogTable[]> {
  const { rows } = await client.query<Record<string, string>>(`
    SELECT c.oid, n.nspname AS schema, c.relname AS name, c.relkind = 'p' AS partitioned,
           EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary) AS has_key,
           pg_has_role(c.relowner, 'USAGE') AS owner, has_table_privilege(c.oid, 'SELECT') AS selectable
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p'
       AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'
     ORDER BY n.nspname, c.relname`);
  return rows.map((row) => ({
    oid: Number(row['oid']),
    schema: row['schema'] ?? '',
    name: row['name'] ?? '',
    hasPrimaryKey: row['has_key'] === 't',
    partitioned: row['partitioned'] === 't',
    owner: row['owner'] === 't',
    selectable: row['selectable'] === 't',
  }));
}

/**
 * The shape of one table now, or null when there is none with this oid. One without a primary key has the rows' positions
 * for a key (see `isKeyless`).
 */
export async function readTableSchema(client: pg.Client, oid: number): Promise<TableSchema | null> {
  const { rows: attributes } = await client.query<Record<string, string>>(
    `SELECT n.nspname AS schema, c.relname AS table, a.attname AS name, a.atttypid AS type_oid,
            a.atttypmod AS modifier, a.attnotnull AS not_null
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
      WHERE c.oid = $1 ORDER BY a.attnum`,
    [oid],
  );
  const key = await readPrimaryKey(client, oid);
  const [first] = attributes;
  if (first === undefined) return null;
  const types = await describeTypes(
    client,
    attributes.map((column) => ({ oid: Number(column['type_oid']), modifier: Number(column['modifier']) })),
  );
  const columns = attributes.map((column, place) => ({
    name: column['name'] ?? '',
    nullable: column['not_null'] !== 't',
    ...(types[place] ?? GONE_TYPE),
  }));
  const isWithoutKey = key.length === 0;
  return {
    schema: first['schema'] ?? '',
    name: first['table'] ?? '',
    columns: isWithoutKey ? [POSITION, ...columns] : columns,
    key: isWithoutKey ? [POSITION_COLUMN] : key,
    foreignKeys: await readForeignKeys(client, oid, first['table'] ?? ''),
  };
}

/** A column's type, as far as it can be told from the type's oid and the column's modifier. */
export type ColumnType = Pick<Column, 'type' | 'kind' | 'precision' | 'scale'>;

/** Values of a type that was dropped since are still Postgres' text. */
const GONE_TYPE: ColumnType = { type: 'text', kind: 'other' };

/** What these types are; a type that no longer exists counts as text. */
export async function describeTypes(
  client: pg.Client,
  types: readonly { readonly oid: number; readonly modifier: number }[],
): Promise<ColumnType[]> {
  const { rows } = await client.query<Record<string, string | null>>(
    // A domain counts as its base type; typbasetype is followed to the end, since domains can stand on domains.
    `WITH RECURSIVE asked AS (
       SELECT * FROM unnest($1::oid[], $2::int[]) WITH ORDINALITY AS a(oid, modifier, place)),
     base AS (
       SELECT a.place, t.typtype, t.typbasetype, t.typtypmod, a.modifier, t.typname, t.typcategory, t.typnamespace
         FROM asked a JOIN pg_type t ON t.oid = a.oid
       UNION ALL
       SELECT b.place, t.typtype, t.typbasetype, t.typtypmod,
              CASE WHEN b.modifier = -1 THEN b.typtypmod ELSE b.modifier END, t.typname, t.typcategory, t.typnamespace
         FROM base b JOIN pg_type t ON t.oid = b.typbasetype WHERE b.typtype = 'd')
     SELECT format_type(a.oid, a.modifier) AS type, b.typtype AS type_type, b.typcategory AS category, b.modifier,
            CASE WHEN b.typnamespace = 'pg_catalog'::regnamespace THEN b.typname END AS builtin_name
       FROM asked a LEFT JOIN base b ON b.place = a.place AND b.typtype <> 'd' ORDER BY a.place`,
    [types.map(({ oid }) => oid), types.map(({ modifier }) => modifier)],
  );
  return rows.map((row) => {
    if (row['type_type'] === null) return GONE_TYPE;
    const kind = kindOf(row);
    return { type: row['type'] ?? '', kind, ...modifiersOf(kind, Number(row['modifier'])) };
  });
}

async function readPrimaryKey(client: pg.Client, oid: number): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT a.attname AS name
       FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
       JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
      WHERE i.indrelid = $1 AND i.indisprimary AND k.place <= i.indnkeyatts ORDER BY k.place`,
    [oid],
  );
  return rows.map((row) => row.name);
}

/**
 * For each column of a table's key the schema of its type's comparison operators: that of the extension for citext or
 * ltree. SQL must name it, because our sessions have an empty search_path; without it, citext would be compared as text.
 */
export async function keyOperatorSchemas(client: pg.Client, table: TableSchema): Promise<string[]> {
  const { rows } = await client.query<{ schema: string }>(
    // Strategy 5 of a btree is `>`; the operators of one type stand together.
    `SELECT n.nspname AS schema
       FROM pg_index i CROSS JOIN LATERAL unnest(i.indclass::oid[]) WITH ORDINALITY AS k(opclass, place)
       JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace s ON s.oid = t.relnamespace
       JOIN pg_opclass c ON c.oid = k.opclass
       JOIN pg_amop a ON a.amopfamily = c.opcfamily AND a.amoplefttype = c.opcintype
                     AND a.amoprighttype = c.opcintype AND a.amopstrategy = 5
       JOIN pg_operator o ON o.oid = a.amopopr JOIN pg_namespace n ON n.oid = o.oprnamespace
      WHERE s.nspname = $1 AND t.relname = $2 AND i.indisprimary AND k.place <= i.indnkeyatts ORDER BY k.place`,
    [table.schema, table.name],
  );
  return rows.map(({ schema }) => schema);
}

/**
 * Of a partitioned table also those that its partitions declare one by one, as they had to before Postgres 11: under the name that
 * Postgres would give them in the table itself, so that no partition's coming or going changes it.
 */
async function readForeignKeys(client: pg.Client, oid: number, tableName: string): Promise<ForeignKey[]> {
  const { rows } = await client.query<Record<string, string | null>>(
    `SELECT CASE WHEN c.conrelid = $1 THEN c.conname END AS name, n.nspname AS schema, r.relname AS table,
            (SELECT json_agg(a.attname ORDER BY k.place) FROM unnest(c.conkey) WITH ORDINALITY AS k(attnum, place)
               JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum) AS columns,
            (SELECT json_agg(a.attname ORDER BY k.place) FROM unnest(c.confkey) WITH ORDINALITY AS k(attnum, place)
               JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attnum) AS referenced
       FROM pg_constraint c JOIN pg_class r ON r.oid = c.confrelid JOIN pg_namespace n ON n.oid = r.relnamespace
      WHERE (c.conrelid = $1 OR c.conrelid IN (SELECT relid FROM pg_partition_tree($1::oid) WHERE isleaf))
        AND c.contype = 'f' AND NOT r.relispartition ORDER BY c.conrelid <> $1, c.conname`,
    [oid],
  );
  const found: ForeignKey[] = [];
  const references = new Set<string>();
  for (const row of rows) {
    const reference = {
      columns: JSON.parse(row['columns'] ?? '[]') as string[],
      referencedSchema: row['schema'] ?? '',
      referencedTable: row['table'] ?? '',
      referencedColumns: JSON.parse(row['referenced'] ?? '[]') as string[],
    };
    const isKnown = references.has(JSON.stringify(reference));
    if (row['name'] == null && isKnown) continue;
    references.add(JSON.stringify(reference));
    found.push({ name: row['name'] ?? `${tableName}_${reference.columns.join('_')}_fkey`, ...reference });
  }
  return found.sort((left, right) => (left.name < right.name ? -1 : 1));
}

const KINDS_BY_TYPE_NAME: Record<string, ValueKind> = {
  bool: 'boolean',
  int2: 'int2',
  int4: 'int4',
  int8: 'int8',
  float4: 'float4',
  float8: 'float8',
  numeric: 'numeric',
  uuid: 'uuid',
  date: 'date',
  timestamp: 'timestamp',
  timestamptz: 'timestamptz',
  time: 'time',
  timetz: 'timetz',
  interval: 'interval',
  bytea: 'bytea',
  json: 'json',
  jsonb: 'jsonb',
};

function kindOf(column: Record<string, string | null>): ValueKind {
  if (column['type_type'] === 'e') return 'enum';
  // Category S holds text, varchar, char, name and citext.
  if (column['category'] === 'S') return 'text';
  // A type of the user's own may have the name of a built-in one.
  return KINDS_BY_TYPE_NAME[column['builtin_name'] ?? ''] ?? 'other';
}

/** How Postgres packs precision and scale into a type modifier; -1 means that none was declared. */
function modifiersOf(kind: ValueKind, modifier: number): { precision?: number; scale?: number } {
  if (kind === 'numeric') {
    if (modifier === -1) return {};
    const packed = modifier - 4;
    // The scale is an 11-bit signed number since Postgres 15.
    const scale = ((packed & 0x7ff) ^ 1024) - 1024;
    return { precision: packed >> 16, scale };
  }
  if (kind === 'timestamp' || kind === 'timestamptz' || kind === 'time' || kind === 'timetz') {
    return { precision: modifier === -1 ? 6 : modifier };
  }
  return {};
}
