import { hash } from 'node:crypto';
import { canonicalText } from './canonical.ts';
import type { Plain } from './canonical.ts';
import type { Table } from './table.ts';

export interface RowKey {
  /** The key columns' canonical texts as a JSON array: equal keys have equal ids on every side. */
  readonly id: string;
  /** The key's values as the layouts write them in a text, in the order of the key. */
  readonly texts: readonly string[];
}

/** One live row of one side, made comparable. */
export interface Row {
  readonly key: RowKey;
  /** Canonical texts, in the order of the table's columns. */
  readonly columns: readonly (string | null)[];
  /** What is wrong with the row beside its columns' values; a row with faults never equals another. */
  readonly faults: readonly string[];
}

/** The values of one row by column name; a name that is absent counts as null. */
export type PlainRow = Readonly<Record<string, Plain | undefined>>;

/** A row to fill in. It inherits nothing, since columns may have the names that every object has, as `__proto__`. */
export function emptyRow(): Record<string, Plain> {
  return Object.create(null) as Record<string, Plain>;
}

/** The value of a column, and nothing that the object inherits. */
export function valueOf(values: PlainRow, column: string): Plain {
  return Object.hasOwn(values, column) ? (values[column] ?? null) : null;
}

/**
 * Makes a row from what a side holds. `keyText` is given where the store addresses the row by a text: that text then
 * decides which row it is, so a row that stands under a wrong key is found. Internal fields, `__` before the name, are no
 * columns; any other name that the table does not know is a fault.
 */
export function makeRow(
  table: Table,
  values: PlainRow,
  keyText?: string,
  faults: readonly string[] = [],
): Row {
  const known = new Set(table.columns.map((column) => column.name));
  const strangers = Object.keys(values).filter((name) => !known.has(name) && !name.startsWith('__'));
  return {
    key: keyText === undefined ? keyOfValues(table, values) : keyOfText(table, keyText),
    columns: table.columns.map((column) => canonicalText(column.family, valueOf(values, column.name))),
    faults: [...faults, ...strangers.map((name) => `unknown column ${name}`)],
  };
}

/** 128 bits that stand for the columns of a row. */
export function digestOf(columns: readonly (string | null)[]): string {
  // The length before each text keeps neighbours apart.
  const text = columns.map((column) => (column === null ? 'n' : `${column.length}:${column}`)).join('');
  return hash('sha256', text, 'buffer').toString('latin1', 0, 16);
}

/** The canonical texts of the key columns behind an id. */
export function keyValues(id: string): (string | null)[] {
  return JSON.parse(id) as (string | null)[];
}

function keyOfValues(table: Table, values: PlainRow): RowKey {
  return keyOf(
    table,
    table.key.map((column) => valueOf(values, column.name)),
  );
}

function keyOfText(table: Table, text: string): RowKey {
  const parts = table.key.length === 1 ? [text] : splitKeyText(text);
  const isKey = parts.length === table.key.length && joinKeyTexts(parts) === text;
  // A text of too few parts or with other escapes is no key of the table; alone in its array it equals none.
  return isKey ? keyOf(table, parts) : { id: JSON.stringify([text]), texts: [text] };
}

function keyOf(table: Table, values: readonly Plain[]): RowKey {
  const id = JSON.stringify(table.key.map((column, at) => canonicalText(column.family, values[at] ?? null)));
  return { id, texts: values.map(plainText) };
}

/** The text by which document stores address a key: its values joined by `:`; in a composite key `:` and `\` are escaped. */
export function joinKeyTexts(texts: readonly string[]): string {
  if (texts.length === 1) return texts.join('');
  return texts.map((text) => text.replace(/[\\:]/g, (character) => `\\${character}`)).join(':');
}

/** Takes a composite key's text apart again. */
function splitKeyText(text: string): string[] {
  const parts: string[] = [];
  let part = '';
  for (const [token] of text.matchAll(/\\.|[^\\]/gsu)) {
    if (token === ':') {
      parts.push(part);
      part = '';
    } else {
      part += token.startsWith('\\') ? token.slice(1) : token;
    }
  }
  return [...parts, part];
}

function plainText(value: Plain): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : String(value);
}
