import { Binary, BSON, Decimal128, Double, Int32, Long, ObjectId, Timestamp, type Document } from 'mongodb';
import { bytesText, cellOfInteger, documentCell, listCell, type Cell } from '../../core/cell.ts';

/** A field as the driver gives it without promotion, as a cell. A type of BSON that no text is usual for is Extended JSON. */
export function cellOf(value: unknown): Cell {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') return value;
  if (value instanceof Int32 || value instanceof Double) return value.value;
  // A Timestamp is a Long to the driver, and no number to MongoDB.
  if (value instanceof Long && !(value instanceof Timestamp)) return cellOfInteger(value.toBigInt());
  if (value instanceof Decimal128 || value instanceof ObjectId) return value.toString();
  if (value instanceof Date) return dateText(value);
  if (value instanceof Binary)
    return value.sub_type === Binary.SUBTYPE_UUID ? value.toUUID().toString() : bytesText(value.value());
  if (Array.isArray(value)) return listCell(value.map(cellOf));
  if (typeof value === 'object' && '_bsontype' in value)
    return { json: BSON.EJSON.stringify(value, { relaxed: false }) };
  return documentCell(fieldsOf(value as Document));
}

/** The fields of a document, in their order. */
export function fieldsOf(document: Document): Map<string, Cell> {
  return new Map(Object.entries(document).map(([name, value]) => [name, cellOf(value)]));
}

/** Dates of MongoDB reach beyond those of JavaScript. */
function dateText(date: Date): string {
  return Number.isNaN(date.getTime()) ? 'a date beyond the years of JavaScript' : date.toISOString();
}
