import { columnForm } from './column-form.ts';
import { columnNumber } from './column-number.ts';
import { readTwosComplement } from './decimal-number.ts';
import type { DecodedEnvelope } from './envelope.ts';
import { parseExact } from './exact-json.ts';
import { envelopeParser } from './json-envelope.ts';
import { keyColumns, type Column, type TableSchema } from './table-schema.ts';
import { emptyRow, type Row, type Value } from './value.ts';

/** The key columns of a record, with a schema block or without. Throws on anything that is not a key of this table. */
export function decodeJsonKey(table: TableSchema, key: Buffer): Row {
  const { payload, isTyped } = withoutSchema(key.toString());
  const readers = readersOf(table);
  return (isTyped ? readers.typedKey : readers.key)(parseExact(payload));
}

/** The envelope's fields as they were written, rows turned into values. Throws on anything that is no envelope. */
export function decodeJsonEnvelope(table: TableSchema, value: Buffer): DecodedEnvelope {
  const { payload, isTyped } = withoutSchema(value.toString());
  const { row, typedRow, envelope } = readersOf(table);
  const { before, after, rest } = envelope(payload);
  const read = isTyped ? typedRow : row;
  return {
    op: rest.op,
    before: before == null ? null : read(before),
    after: after == null ? null : read(after),
    source: rest.source,
    tsMs: rest.tsMs,
  };
}

type ReadRow = (object: unknown) => Row;

/** What reads the records of a table, with a schema block (`typed`) and without. */
interface Readers {
  readonly row: ReadRow;
  readonly typedRow: ReadRow;
  readonly key: ReadRow;
  readonly typedKey: ReadRow;
  readonly envelope: ReturnType<typeof envelopeParser>;
}

const made = new WeakMap<TableSchema, Readers>();

function readersOf(table: TableSchema): Readers {
  let readers = made.get(table);
  if (readers === undefined) {
    const key = keyColumns(table);
    const typed = (column: Column) => typedValueReader(column, table.key.includes(column.name));
    readers = {
      row: rowReader(table.columns, valueReader),
      typedRow: rowReader(table.columns, typed),
      key: rowReader(key, valueReader),
      typedKey: rowReader(key, typed),
      envelope: envelopeParser(),
    };
    made.set(table, readers);
  }
  return readers;
}

/** A schema block is a struct; no column of a key without one is an object. */
const SCHEMA_START = '{"schema":{';
/** Within a JSON text it stands only where it means itself: texts have their quotes escaped. */
const PAYLOAD_START = ',"payload":';

/** What a record says, and whether a schema block gave its columns types; the block itself is not read. */
function withoutSchema(text: string): { readonly payload: string; readonly isTyped: boolean } {
  const start = text.startsWith(SCHEMA_START) ? text.indexOf(PAYLOAD_START) : -1;
  if (start === -1) return { payload: text, isTyped: false };
  const end = text.lastIndexOf('}');
  return { payload: text.slice(start + PAYLOAD_START.length, end), isTyped: true };
}

type ReadValue = (json: unknown) => Value;

/** A reader of the columns that a record has, in the table's order. */
function rowReader(columns: readonly Column[], reader: (column: Column) => ReadValue): ReadRow {
  const fields = columns.map((column) => {
    const { name } = column;
    return { name, read: reader(column), isInherited: name in Object.prototype };
  });
  return (object) => {
    if (object === null || typeof object !== 'object') throw new TypeError('expected an object of columns');
    const record = object as Record<string, unknown>;
    const row = emptyRow();
    for (const { name, read, isInherited } of fields) {
      // An object that JSON.parse made inherits `constructor` and the like.
      const json = isInherited && !Object.hasOwn(record, name) ? undefined : record[name];
      if (json !== undefined) row[name] = json === null ? null : read(json);
    }
    return row;
  };
}

/** A value whose column has its type in a schema block: numbers become the texts that they stand for. */
function typedValueReader(column: Column, isKey: boolean): ReadValue {
  const number = columnNumber(columnForm(column, isKey));
  const plain = valueReader(column);
  if (number === null) return plain;
  return (json) => {
    if (typeof json === 'number' || typeof json === 'bigint') return number.textOf(json);
    if (column.kind !== 'numeric' || typeof json !== 'string') return plain(json);
    const bytes = Buffer.from(json, 'base64');
    return number.textOf(readTwosComplement(bytes, 0, bytes.length));
  };
}

/** A value that is not null, as `json-writer.ts` writes it. */
function valueReader({ name, type, kind }: Column): ReadValue {
  const refuse = (json: unknown): never => {
    throw new TypeError(`column ${name} (${type}) cannot be read from a JSON ${typeof json}`);
  };
  switch (kind) {
    case 'int8':
      return (json) =>
        typeof json === 'number' || typeof json === 'bigint' || typeof json === 'string'
          ? BigInt(json)
          : refuse(json);
    case 'int2':
    case 'int4':
      return (json) => (typeof json === 'number' ? json : refuse(json));
    case 'float4':
    case 'float8':
      return (json) =>
        typeof json === 'number' || typeof json === 'bigint' || typeof json === 'string'
          ? Number(json)
          : refuse(json);
    case 'boolean':
      return (json) => (typeof json === 'boolean' ? json : refuse(json));
    case 'bytea':
      return (json) => (typeof json === 'string' ? Buffer.from(json, 'base64') : refuse(json));
    case 'numeric':
    case 'text':
    case 'uuid':
    case 'enum':
    case 'date':
    case 'timestamp':
    case 'timestamptz':
    case 'time':
    case 'timetz':
    case 'interval':
    case 'json':
    case 'jsonb':
    case 'other':
      return (json) => (typeof json === 'string' ? json : refuse(json));
  }
}
