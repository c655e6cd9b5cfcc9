import type { AvroWriter } from './avro-writer.ts';
import { columnForm, type ColumnForm } from './column-form.ts';
import { columnNumber } from './column-number.ts';
import type { Column } from './table-schema.ts';
import type { Row, Value } from './value.ts';

/** Writes a row's columns. `unfit` gets those whose value the column's type cannot hold, which are written as null. */
export type AvroRowWriter = (
  out: AvroWriter,
  row: Row,
  unfit: (column: string, text: string) => void,
) => void;

/** Writes a value, behind its branch of the union; false where its type cannot hold it, and then nothing is written. */
type WriteValue = (out: AvroWriter, value: NonNullable<Value>) => boolean;

/** A writer of these columns in their order, each with a function of its own that is made once. */
export function avroRowWriter(columns: readonly Column[], key: readonly string[]): AvroRowWriter {
  const fields = columns.map((column) => {
    const isKey = key.includes(column.name);
    return { name: column.name, column, isKey, write: valueWriter(column, isKey) };
  });
  return (out, row, unfit) => {
    for (const field of fields) {
      const value = row[field.name];
      if (value !== undefined && value !== null) {
        if (field.write(out, value)) continue;
        if (!field.isKey) unfit(field.name, String(value));
      }
      if (field.isKey) throw unfitKey(field.column);
      out.branch(0);
    }
  };
}

function valueWriter(column: Column, isKey: boolean): WriteValue {
  const form = columnForm(column, isKey);
  const number = columnNumber(form);
  if (number !== null) {
    const { numberOf } = number;
    const isDecimal = form.primitive === 'bytes';
    return (out, value) => {
      if (typeof value !== 'string') throw mistyped(column, value);
      const converted = numberOf(value);
      if (Number.isNaN(converted)) return false;
      if (!isKey) out.branch(1);
      if (isDecimal) out.decimal(converted);
      else out.long(converted);
      return true;
    };
  }
  return primitiveWriter(column, form.primitive, isKey);
}

/** Writes a value without a conversion. Throws TypeError where it is of another type, which a transform has made of it. */
function primitiveWriter(column: Column, primitive: ColumnForm['primitive'], isKey: boolean): WriteValue {
  switch (primitive) {
    case 'boolean':
      return (out, value) => {
        if (typeof value !== 'boolean') throw mistyped(column, value);
        if (!isKey) out.branch(1);
        out.boolean(value);
        return true;
      };
    case 'int':
      return (out, value) => {
        if (typeof value !== 'number' || (value | 0) !== value) throw mistyped(column, value);
        if (!isKey) out.branch(1);
        out.long(value);
        return true;
      };
    case 'long':
      return (out, value) => {
        if (typeof value !== 'bigint') throw mistyped(column, value);
        if (!isKey) out.branch(1);
        out.long(value);
        return true;
      };
    case 'float':
    case 'double':
      return (out, value) => {
        if (typeof value !== 'number') throw mistyped(column, value);
        if (!isKey) out.branch(1);
        out[primitive](value);
        return true;
      };
    case 'bytes':
      return (out, value) => {
        if (!(value instanceof Uint8Array)) throw mistyped(column, value);
        if (!isKey) out.branch(1);
        out.bytes(value);
        return true;
      };
    case 'string':
      return (out, value) => {
        if (typeof value !== 'string') throw mistyped(column, value);
        if (!isKey) out.branch(1);
        out.string(value);
        return true;
      };
  }
}

function unfitKey({ name, type }: Column): TypeError {
  return new TypeError(`key column ${name} (${type}) has a value that its type cannot hold`);
}

function mistyped({ name, type }: Column, value: Value): TypeError {
  return new TypeError(`column ${name} (${type}) cannot be written from a ${typeof value}`);
}
