/** How the values of a column are compared: Postgres types that are written in the same way share a family. */
export type Family =
  | 'boolean'
  | 'integer'
  | 'float4'
  | 'float8'
  | 'numeric'
  | 'date'
  | 'timestamp'
  | 'timestamptz'
  | 'bytea'
  | 'json'
  | 'jsonb'
  | 'text';

export interface Column {
  readonly name: string;
  readonly family: Family;
  /** The type's SQL name without modifiers, to cast a key's text back: a modifier would cut the text silently. */
  readonly sqlType: string;
  /** Fractional digits of a timestamp, 0 to 6; 6 for all other types. */
  readonly precision: number;
}

/** A foreign key of one column. */
export interface ForeignKey {
  /** The constraint's name. */
  readonly name: string;
  readonly column: string;
  readonly schema: string;
  readonly table: string;
  /** The column of the other table that it refers to. */
  readonly referencedColumn: string;
  /** True when the stores can follow it to a row; see followed-keys.ts. */
  readonly isFollowed: boolean;
}

/** A table as Postgres' catalogue describes it. */
export interface Table {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly Column[];
  /** The primary key's columns, in the order of the key. */
  readonly key: readonly Column[];
  readonly foreignKeys: readonly ForeignKey[];
}

/** The name that every store uses: the table's own for schema public, else with the schema before it. */
export function layoutName(table: { schema: string; name: string }): string {
  return table.schema === 'public' ? table.name : `${table.schema}_${table.name}`;
}

/** `schema.table`. */
export function qualifiedName(table: { schema: string; name: string }): string {
  return `${table.schema}.${table.name}`;
}
