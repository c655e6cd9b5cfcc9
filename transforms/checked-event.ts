import type { ChangeEvent, Operation } from '../schemas/change-event.ts';
import { valueText } from '../schemas/key-text.ts';
import type { Column, TableSchema } from '../schemas/table-schema.ts';
import type { Row, Value } from '../schemas/value.ts';

const OPERATIONS: ReadonlySet<unknown> = new Set<Operation>(['c', 'u', 'd', 'r']);

/**
 * What a user's transform gave back for `input`, checked and with `table` as its table; null when nothing goes on.
 * Throws TypeError, naming columns and JavaScript types but no values.
 */
export function checkedEvent(result: unknown, input: ChangeEvent, table: TableSchema): ChangeEvent | null {
  if (result === null) return null;
  if (result === undefined)
    throw new TypeError('it returned nothing; return the event, or null when nothing goes on');
  if (result instanceof Promise) {
    // Nobody awaits it, and its rejection would end the process with a message that may quote values.
    result.catch(() => undefined);
    throw new TypeError('it returned a promise; transforms are synchronous');
  }
  if (!isPlainObject(result)) throw new TypeError(`it returned ${kindOf(result)} instead of an event`);
  const { op, position, key, before, after } = result;
  if (position !== input.position) throw new TypeError('it changed the position; hand it on as it is');
  if (!OPERATIONS.has(op)) throw new TypeError('its event has an op other than c, u, d and r');
  if ((op === 'd') !== (after === null))
    throw new TypeError('its event must have after: null exactly when its op is "d" (asDelete does both)');
  const checked: ChangeEvent = {
    table,
    op: op as Operation,
    key: checkedKey(key, table),
    before: before === null ? null : checkedRow('before', before, table),
    after: after === null ? null : checkedRow('after', after, table),
    position: input.position,
    source: input.source,
    tsMs: input.tsMs,
  };
  if (checked.after !== null) checkWhole(checked.after, checked.key, table);
  return checked;
}

function checkedKey(key: unknown, table: TableSchema): Row {
  const row = checkedRow('key', key, table);
  const columns = Object.keys(row);
  if (columns.length !== table.key.length || table.key.some((name) => row[name] == null))
    throw new TypeError(
      `its key must have exactly these columns, none of them null: ${table.key.join(', ')}`,
    );
  return row;
}

function checkWhole(after: Row, key: Row, table: TableSchema): void {
  const missing = table.columns.find(({ name }) => after[name] === undefined);
  if (missing !== undefined)
    throw new TypeError(
      `its after lacks the column "${missing.name}"; set it to null, or export a schema without it`,
    );
  const differing = table.key.find((name) => textOf(after[name]) !== textOf(key[name]));
  if (differing !== undefined)
    throw new TypeError(`column "${differing}" differs in its key and in its after`);
}

function checkedRow(part: string, row: unknown, table: TableSchema): Row {
  if (!isPlainObject(row))
    throw new TypeError(`its ${part} is ${kindOf(row)} instead of a plain object of columns`);
  for (const [name, value] of Object.entries(row)) {
    const column = table.columns.find((candidate) => candidate.name === name);
    if (column === undefined)
      throw new TypeError(
        `its ${part} has the column "${name}", which the table has not; export a schema with it`,
      );
    const expected = expectedType(column);
    if (value !== null && kindOf(value) !== expected)
      throw new TypeError(
        `column "${name}" (${column.type}) of its ${part} is ${kindOf(value)} instead of ${expected}`,
      );
  }
  return row as Row;
}

/** The JavaScript type of a column's values, see value.ts. */
function expectedType({ kind }: Column): string {
  switch (kind) {
    case 'boolean':
      return 'a boolean';
    case 'int2':
    case 'int4':
    case 'float4':
    case 'float8':
      return 'a number';
    case 'int8':
      return 'a bigint';
    case 'bytea':
      return 'a Uint8Array';
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
      return 'a string';
  }
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (value instanceof Uint8Array) return 'a Uint8Array';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  return value === undefined ? 'undefined' : `a ${typeof value}`;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (value === null || typeof value !== 'object') return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function textOf(value: Value | undefined): string | null {
  return value == null ? null : valueText(value);
}
