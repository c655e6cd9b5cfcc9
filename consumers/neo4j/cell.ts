import {
  isDate,
  isDateTime,
  isDuration,
  isLocalDateTime,
  isLocalTime,
  isNode,
  isPath,
  isPoint,
  isRelationship,
  isTime,
  isUnboundRelationship,
} from 'neo4j-driver';
import { bytesText, cellOfInteger, documentCell, listCell, type Cell } from '../../core/cell.ts';

/** A value of the driver (with `useBigInt`) as a cell. Nodes and relationships are documents without the server's own ids. */
export function cellOf(value: unknown): Cell {
  if (value === undefined || value === null) return null;
  if (typeof value === 'bigint') return cellOfInteger(value);
  if (typeof value === 'boolean' || typeof value === 'string' || typeof value === 'number') return value;
  if (value instanceof Int8Array)
    return bytesText(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  if (Array.isArray(value)) return listCell(value.map(cellOf));
  return cellOfObject(value);
}

function cellOfObject(value: object): Cell {
  if (isDate(value) || isDateTime(value) || isLocalDateTime(value)) return value.toString();
  if (isTime(value) || isLocalTime(value) || isDuration(value) || isPoint(value)) return value.toString();
  if (isNode(value)) return fieldsCell({ labels: value.labels, properties: value.properties });
  if (isRelationship(value) || isUnboundRelationship(value))
    return fieldsCell({ type: value.type, properties: value.properties });
  if (isPath(value))
    return listCell(
      [value.start, ...value.segments.flatMap(({ relationship, end }) => [relationship, end])].map(cellOf),
    );
  return fieldsCell(value);
}

function fieldsCell(object: object): Cell {
  return documentCell(Object.entries(object).map(([name, value]) => [name, cellOf(value)]));
}
