import { createHash } from 'node:crypto';
import { z } from 'zod';
import { VALUE_KINDS } from './value.ts';

/** One column, as the source's catalogue describes it (or as a transform has changed it). */
export const columnSchema = z.strictObject({
  name: z.string(),
  /** Postgres' own spelling with its modifiers, from `format_type`: `numeric(10,2)`, `character varying(40)`. */
  type: z.string(),
  kind: z.enum(VALUE_KINDS),
  nullable: z.boolean(),
  /** numeric: digits in all (absent when the column is declared without). Times: fractional digits, 0 to 6. */
  precision: z.number().int().optional(),
  /** numeric: digits after the point; may be negative. */
  scale: z.number().int().optional(),
});

/** A foreign key of the table; `columns[i]` refers to `referencedColumns[i]`. */
export const foreignKeySchema = z.strictObject({
  name: z.string(),
  columns: z.array(z.string()),
  referencedSchema: z.string(),
  referencedTable: z.string(),
  referencedColumns: z.array(z.string()),
});

/** The shape of a table at one time. `key` names the primary key's columns in the order of the key. */
export const tableSchema = z.strictObject({
  schema: z.string(),
  name: z.string(),
  columns: z.array(columnSchema),
  key: z.array(z.string()).min(1),
  foreignKeys: z.array(foreignKeySchema),
});

export type Column = z.infer<typeof columnSchema>;
export type ForeignKey = z.infer<typeof foreignKeySchema>;
export type TableSchema = z.infer<typeof tableSchema>;

/** `schema.table`, the name by which config, topics and messages speak of a table. */
export function qualifiedName(table: { schema: string; name: string }): string {
  return `${table.schema}.${table.name}`;
}

const fingerprints = new WeakMap<TableSchema, string>();

/** 16 hex digits that change with any part of the schema; each event names the schema it was written with. */
export function fingerprintOf(table: TableSchema): string {
  let fingerprint = fingerprints.get(table);
  if (fingerprint === undefined) {
    // Parsing first gives the properties one order, whoever built the object.
    fingerprint = createHash('sha256')
      .update(JSON.stringify(tableSchema.parse(table)))
      .digest('hex')
      .slice(0, 16);
    fingerprints.set(table, fingerprint);
  }
  return fingerprint;
}

/** The column of that name. Throws RangeError when the table has none. */
export function columnOf(table: TableSchema, name: string): Column {
  const column = table.columns.find((candidate) => candidate.name === name);
  if (column === undefined) throw new RangeError(`table ${qualifiedName(table)} has no column ${name}`);
  return column;
}

/** The key's columns, in the order of the key. */
export function keyColumns(table: TableSchema): readonly Column[] {
  return table.key.map((name) => columnOf(table, name));
}
