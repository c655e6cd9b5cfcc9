import { columnOf, type Column, type TableSchema } from '../../schemas/table-schema.ts';
import { emptyRow, type Row, type Value } from '../../schemas/value.ts';
import { assumedSchema } from './assumed-schema.ts';
import { formOf, type Form } from './forms.ts';
import { fieldOf, type ConnectSchema } from './schema.ts';

/** A table as its records describe it, and how to read their rows. */
export interface DebeziumTable {
  readonly table: TableSchema;
  readonly fields: readonly { readonly column: Column; readonly form: Form }[];
}

/** A row, and the columns that Debezium could not tell: unchanged values that Postgres keeps outside of the row. */
export interface ReadRow {
  readonly row: Row;
  readonly unavailable: readonly string[];
}

/** Debezium's `unavailable.value.placeholder`, and what it is as bytes in JSON. */
const PLACEHOLDER = '__debezium_unavailable_value';
const PLACEHOLDER_BASE64 = Buffer.from(PLACEHOLDER).toString('base64');

/**
 * The table that an envelope's schema describes. `key` is the schema of the record's key; `catalogued` the table as it is now,
 * where that is known: it tells jsonb from json, and foreign keys. Throws TypeError.
 */
export function describedTable(
  name: { readonly schema: string; readonly name: string },
  key: ConnectSchema,
  value: ConnectSchema,
  catalogued?: TableSchema,
): DebeziumTable {
  const row = fieldOf(value, 'after') ?? fieldOf(value, 'before');
  if (row?.fields === undefined || fieldOf(value, 'op') === undefined)
    throw new TypeError(
      'its schema is no envelope of Debezium; sinks need `before` and `after`, not an unwrapped row',
    );
  const keyColumns = (key.fields ?? []).map(({ field = '' }) => field);
  if (keyColumns.length === 0) throw new TypeError('its key has no columns');
  const fields = row.fields.map((schema) => {
    const form = formWithin(schema);
    const present = catalogued?.columns.find((column) => column.name === schema.field);
    return { form, column: columnFrom(schema, form, keyColumns, present) };
  });
  const columns = fields.map(({ column }) => column);
  const foreignKeys = (catalogued?.foreignKeys ?? []).filter((foreignKey) =>
    foreignKey.columns.every((column) => columns.some((each) => each.name === column)),
  );
  return { fields, table: { ...name, columns, key: keyColumns, foreignKeys } };
}

/** The same for records without schemas: the catalogue tells the types, and Debezium's defaults how they are written. */
export function assumedTable(table: TableSchema): DebeziumTable {
  return {
    table,
    fields: table.columns.map((column) => ({ column, form: formWithin(assumedSchema(column)) })),
  };
}

/** Throws TypeError where a value does not fit its column; it names the column and no value. */
export function readRow({ fields }: DebeziumTable, payload: unknown): ReadRow {
  const values = payload as Readonly<Record<string, unknown>>;
  const row = emptyRow();
  const unavailable: string[] = [];
  for (const { column, form } of fields) {
    const raw = values[column.name];
    if (raw === undefined) continue;
    if (isPlaceholder(raw)) unavailable.push(column.name);
    else row[column.name] = raw === null ? null : valueOf(column, form, raw);
  }
  return { row, unavailable };
}

export function readKey({ table, fields }: DebeziumTable, payload: unknown): Row {
  const values = payload as Readonly<Record<string, unknown>>;
  const key = emptyRow();
  for (const name of table.key) {
    const column = columnOf(table, name);
    const form = fields.find((field) => field.column === column)?.form;
    const raw = values[name];
    if (form === undefined || raw == null) throw new TypeError(`key column ${name} has no value`);
    key[name] = valueOf(column, form, raw);
  }
  return key;
}

function formWithin(schema: ConnectSchema): Form {
  try {
    return formOf(schema);
  } catch (error) {
    throw new TypeError(`column ${schema.field}: ${error instanceof Error ? error.message : ''}`, {
      cause: error,
    });
  }
}

function columnFrom(
  schema: ConnectSchema,
  form: Form,
  key: readonly string[],
  present: Column | undefined,
): Column {
  const { precision, scale } = form;
  const { kind, type } = form.kind === 'json' && present?.kind === 'jsonb' ? present : form;
  const name = schema.field ?? '';
  return {
    name,
    type,
    kind,
    nullable: schema.optional === true && !key.includes(name),
    ...(precision !== undefined && { precision }),
    ...(scale !== undefined && { scale }),
  };
}

function valueOf(column: Column, form: Form, raw: unknown): Value {
  try {
    return form.read(raw);
  } catch {
    throw new TypeError(`column ${column.name} (${column.type}) cannot be read from a ${typeof raw}`);
  }
}

/** An array or a map with the placeholder in it is one as a whole. */
function isPlaceholder(raw: unknown): boolean {
  if (typeof raw === 'string') return raw === PLACEHOLDER || raw === PLACEHOLDER_BASE64;
  if (raw instanceof Uint8Array) return Buffer.from(raw).equals(Buffer.from(PLACEHOLDER));
  if (Array.isArray(raw)) return raw.length === 1 && isPlaceholder(raw[0]);
  return raw !== null && typeof raw === 'object' && Object.hasOwn(raw, PLACEHOLDER);
}
