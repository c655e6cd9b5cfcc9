import type { Column } from '../../schemas/table-schema.ts';
import type { Value, ValueKind } from '../../schemas/value.ts';
import type { Layout } from './layout.ts';

/**
 * Dates and times go as text behind this mark, which no text of Postgres can hold, and the server makes them: to pack one of
 * its own takes the driver nine times as long. Those that are not plain go as the driver's.
 */
const MARK = '\0';

/** What the server reads as it stands: years 1 to 9999. */
const PLAIN = /^(?!0000)\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d{1,6})?Z?)?$/;

/** The text of a value for the server to read; null of one that is none. */
export function markedInstant(value: Value): string | null {
  return typeof value === 'string' && PLAIN.test(value) ? MARK + value : null;
}

/** The place of a row at which a column stands, with a marked text made into a date or time. */
export function valueAt(layout: Layout, name: string, index: number): string {
  const value = `row[${index}]`;
  const read = instantFunction(layout, name);
  if (read === undefined) return value;
  return `CASE WHEN ${value} STARTS WITH '\\u0000' THEN ${read}(substring(${value}, 1)) ELSE ${value} END`;
}

const FUNCTIONS: Partial<Record<ValueKind, string>> = {
  date: 'date',
  timestamp: 'localdatetime',
  timestamptz: 'datetime',
};

/** The function of Cypher that reads the column's instants; undefined of a column that has none, or by which nodes are found. */
function instantFunction(layout: Layout, name: string): string | undefined {
  const { key, columns } = layout.target.table;
  const sought =
    layout.shape === 'node'
      ? [
          ...layout.edges.map(({ end }) => end.columns),
          ...layout.incoming.map(({ edge }) => edge.end.properties),
        ]
      : [layout.start.columns, layout.end.columns];
  if ([key, ...sought].some((names) => names.includes(name))) return undefined;
  const column = columns.find((one) => one.name === name);
  return column === undefined ? undefined : FUNCTIONS[column.kind];
}

/** Whether the dates and times of a row's column go as text. A column that had another type once goes as it was then. */
export function isMarked(layout: Layout, { name, kind }: Column): boolean {
  const read = instantFunction(layout, name);
  return read !== undefined && read === FUNCTIONS[kind];
}
