/**
 * The text of a JSON value: a document, an array, or a number that is no integer, with the digits that the database wrote.
 */
export interface JsonText {
  readonly json: string;
}

/**
 * A value of a database without loss. A `bigint` is an integer beyond 2^53; decimals are strings of digits; dates and times are
 * the database's own texts; bytes are `\x` and hex digits (`bytesText`).
 */
export type Cell = null | boolean | number | bigint | string | JsonText;

/** Bytes as Postgres prints them. */
export function bytesText(bytes: Uint8Array): string {
  return `\\x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`;
}

export function cellOfInteger(value: bigint): Cell {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

export function listCell(cells: readonly Cell[]): JsonText {
  return { json: `[${cells.map(cellJson).join(',')}]` };
}

export function documentCell(fields: Iterable<readonly [name: string, cell: Cell]>): JsonText {
  const parts = [...fields].map(([name, cell]) => `${JSON.stringify(name)}:${cellJson(cell)}`);
  return { json: `{${parts.join(',')}}` };
}

/** A cell as JSON. What a reader's double could round is a string: integers beyond 2^53 and decimals. NaN has no other form. */
export function cellJson(cell: Cell): string {
  if (cell === null) return 'null';
  if (typeof cell === 'object') return cell.json;
  const isNumber = typeof cell === 'number' && Number.isFinite(cell);
  return isNumber || typeof cell === 'boolean' ? cellText(cell) : JSON.stringify(String(cell));
}

/** A cell as plain text. */
export function cellText(cell: Exclude<Cell, null>): string {
  if (typeof cell === 'object') return cell.json;
  return Object.is(cell, -0) ? '-0' : String(cell);
}
