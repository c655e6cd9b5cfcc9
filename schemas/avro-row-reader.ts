import type { Type } from 'avsc';
import { repeatedText, type AvroReader } from './avro-reader.ts';
import { avroNames } from './avro-names.ts';
import { fieldsOf, skipper, typeNameOf, unionOf } from './avro-types.ts';
import { columnForm } from './column-form.ts';
import { columnNumber, type ColumnNumber } from './column-number.ts';
import { shortestFloat } from './shortest-float.ts';
import { columnOf, type Column, type TableSchema } from './table-schema.ts';
import { emptyRow, type Row, type Value } from './value.ts';

export type ReadRow = (from: AvroReader) => Row;
type ReadValue = (from: AvroReader) => Value;

/**
 * A reader of rows as their writer's schema has them: a number on the wire becomes the column's text, and a text stays what
 * it is, whatever form the column has by now. Fields that the table does not have are passed over.
 */
export function avroRowReader(record: Type, table: TableSchema): ReadRow {
  const columns = new Map([...avroNames(table.columns)].map(([name, avroName]) => [avroName, name]));
  const fields = fieldsOf(record).map(({ name, type }) => {
    const column = columns.get(name);
    return column === undefined
      ? { column: null, read: skipper(type) }
      : { column, read: valueReader(type, columnOf(table, column), table.key.includes(column)) };
  });
  return (from) => {
    const row = emptyRow();
    for (const { column, read } of fields) {
      if (column === null) read(from);
      else row[column] = read(from) as Value;
    }
    return row;
  };
}

function valueReader(type: Type, column: Column, isKey: boolean): ReadValue {
  const union = unionOf(type);
  if (union === null) return primitiveReader(type, column, isKey);
  const branches = union.map((branch) => primitiveReader(branch, column, isKey));
  return (from) => {
    const read = branches[from.int()];
    if (read === undefined) throw new RangeError('a union has no such branch');
    return read(from);
  };
}

function primitiveReader(type: Type, column: Column, isKey: boolean): ReadValue {
  const number = columnNumber(columnForm(column, isKey));
  switch (typeNameOf(type)) {
    case 'null':
      return () => null;
    case 'boolean':
      return (from) => from.boolean();
    case 'int':
    case 'long':
      return integerReader(column, number);
    case 'float':
      return column.kind === 'float4' ? (from) => shortestFloat(from.float()) : (from) => from.float();
    case 'double':
      return (from) => from.double();
    case 'bytes':
      return column.kind === 'numeric' && number !== null
        ? (from) => number.textOf(from.decimal())
        : (from) => from.bytes();
    case 'string': {
      if (column.kind !== 'enum') return (from) => from.string();
      const last = repeatedText();
      return (from) => from.repeated(last);
    }
  }
  throw new TypeError(
    `column ${column.name} (${column.type}) cannot be read from Avro's ${typeNameOf(type)}`,
  );
}

function integerReader({ kind }: Column, number: ColumnNumber | null): ReadValue {
  if (kind === 'int8') return (from) => BigInt(from.long());
  return number === null ? (from) => from.long() : (from) => number.textOf(from.long());
}
