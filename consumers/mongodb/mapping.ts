import { BSON, type Document } from 'mongodb';
import { TailraceError } from '../../core/errors.ts';
import { keyText } from '../../schemas/key-text.ts';
import type { Position } from '../../schemas/position.ts';
import { columnOf, type TableSchema } from '../../schemas/table-schema.ts';
import type { Row } from '../../schemas/value.ts';
import type { Target, Write } from '../sink.ts';
import { NO_TABLE_OPTIONS, type MongodbTableOptions } from './config.ts';
import { fieldsOf } from './layout.ts';
import { idValue, storedValue, type RowId } from './values.ts';

/** The field of every document that holds the row's position. */
export const POSITION_FIELD = '__pos';
/** The collection that keeps the positions of deleted rows. */
export const TOMBSTONES = '__tombstones';

/** MongoDB's 16 MB, less what the request that writes the document needs around it: the driver throws for the whole batch. */
export const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024 - 1024;

/** Below this many characters and bytes no row comes near the limit, in whatever form BSON has it. */
const LARGE_ROW_LENGTH = 500_000;

/** A row as its collection holds it: every column as a field, beside the key as `_id`. */
export interface RowDocument extends Document {
  _id: RowId;
  [POSITION_FIELD]: Position;
}

/**
 * A deleted row's position: `_id` is the target's name and the key, as one text. Or the last truncate's, which counts for
 * every key: `_id` is the target's name alone, and no row is left that is older than `done`.
 */
export interface Tombstone {
  _id: string;
  [POSITION_FIELD]: Position;
  done?: Position;
}

/** A write with what MongoDB needs of it. `document` is null for a delete. */
export interface MappedWrite {
  readonly collection: string;
  readonly id: RowId;
  readonly tombstoneId: string;
  /** Of the tombstone that the table's last truncate left. */
  readonly truncateId: string;
  readonly position: Position;
  readonly document: RowDocument | null;
  /** Worth trying as a plain insert first. */
  readonly isNew: boolean;
}

/** Throws TailraceError SINK_EVENT_REJECTED when MongoDB can't hold the row. */
export function mapWrite(write: Write, options: MongodbTableOptions = NO_TABLE_OPTIONS): MappedWrite {
  const { table } = write.target;
  const ofTable = truncateId(write.target);
  const id = rowId(table, write.key);
  return {
    collection: write.target.name,
    id,
    tombstoneId: `${ofTable}:${keyText(table.key, write.key)}`,
    truncateId: ofTable,
    position: write.position,
    document: write.op === 'upsert' ? rowDocument(table, options, write, id) : null,
    isNew: write.op === 'upsert' && write.isNew === true,
  };
}

/** A `:` in the target's name is escaped, so that no two targets share a tombstone. */
export function truncateId({ name }: Target): string {
  return name.replace(/[\\:]/g, '\\$&');
}

function rowDocument(
  table: TableSchema,
  options: MongodbTableOptions,
  { row, position }: Extract<Write, { op: 'upsert' }>,
  id: RowId,
): RowDocument {
  const document: RowDocument = { _id: id, [POSITION_FIELD]: position };
  for (const { column, group } of fieldsOf(table, options)) {
    const value = row[column.name] ?? null;
    const within = group === null ? document : subdocument(document, group);
    setField(within, column.name, value === null ? null : storedValue(column, value));
  }
  if (mayBeTooLarge(row) && BSON.calculateObjectSize(document) > MAX_DOCUMENT_BYTES)
    throw new TailraceError(
      'SINK_EVENT_REJECTED',
      `A row of ${table.schema}.${table.name} is larger than the 16 MB that MongoDB allows a document.`,
      'Leave its large columns out of this sink with a transform, then start the sink again.',
    );
  return document;
}

/** Spares almost all rows the exact count: it takes longer than to make the document. */
function mayBeTooLarge(row: Row): boolean {
  let length = 0;
  for (const name in row) {
    const value = row[name];
    if (typeof value === 'string' || value instanceof Uint8Array) length += value.length;
  }
  return length > LARGE_ROW_LENGTH;
}

function subdocument(document: Document, group: string): Document {
  if (!Object.hasOwn(document, group)) document[group] = {};
  return document[group] as Document;
}

/** A column may be named __proto__, which an assignment would lose. */
function setField(document: Document, name: string, value: unknown): void {
  if (name !== '__proto__') document[name] = value;
  else Object.defineProperty(document, name, { value, enumerable: true, writable: true, configurable: true });
}

/** `_id`: the key's value; a subdocument in the order of the key when it has several columns. */
function rowId(table: TableSchema, key: Row): RowId {
  const [first, ...rest] = table.key.map(
    (name) => [name, idValue(columnOf(table, name), key[name] ?? null)] as const,
  );
  if (first === undefined) throw new RangeError('a key has at least one column');
  return rest.length === 0 ? first[1] : Object.fromEntries([first, ...rest]);
}
