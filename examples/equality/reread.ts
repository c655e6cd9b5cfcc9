import { isMisfit } from './canonical.ts';
import { MAX_PICK } from './reader.ts';
import type { Reader } from './reader.ts';
import { digestOf, keyValues } from './row.ts';
import type { Row, RowKey } from './row.ts';
import type { Table } from './table.ts';

/** A key as both sides hold it now. */
export interface Reading {
  readonly id: string;
  readonly verdict: 'equal' | 'missing' | 'extra' | 'differing';
  readonly postgres: Row | null;
  readonly store: Row | null;
  /** The names of the columns whose values differ. */
  readonly columns: readonly string[];
  /** What is wrong beside the columns' values. */
  readonly faults: readonly string[];
  /** Equal for two readings that saw the same on both sides. */
  readonly state: string;
}

/** Reads these keys on both sides again, in small requests. A key without texts is one that only Postgres had. */
export async function* reread(
  postgres: Reader,
  store: Reader,
  table: Table,
  keys: readonly RowKey[],
): AsyncGenerator<Reading> {
  for (let start = 0; start < keys.length; start += MAX_PICK) {
    const chunk = keys.slice(start, start + MAX_PICK);
    const left = Map.groupBy(await postgres.pick(table, chunk), (row) => row.key.id);
    // Without texts and without a row in Postgres now, there is nothing to look for: both sides lack the key.
    const wanted = chunk
      .map((key) => left.get(key.id)?.[0]?.key ?? key)
      .filter((key) => key.texts.length > 0);
    const right = Map.groupBy(await store.pick(table, wanted), (row) => row.key.id);
    for (const { id } of chunk) {
      yield readingOf(table, id, left.get(id)?.[0] ?? null, right.get(id) ?? []);
    }
  }
}

function readingOf(table: Table, id: string, postgres: Row | null, found: readonly Row[]): Reading {
  const store = found[0] ?? null;
  const columns = postgres !== null && store !== null ? differences(table, postgres, store) : [];
  const copies = found.length > 1 ? [`${found.length} rows of one key`] : [];
  const faults = [...copies, ...(store?.faults ?? [])];
  const state = [postgres, ...found].map((row) => (row === null ? '-' : digestOf(row.columns))).join(' ');
  const verdict = verdictOf(postgres, found, columns.length + faults.length > 0);
  return { id, verdict, postgres, store, columns, faults, state: `${state} ${faults.join()}` };
}

function verdictOf(postgres: Row | null, found: readonly Row[], isDifferent: boolean): Reading['verdict'] {
  if (postgres === null) return found.length === 0 ? 'equal' : 'extra';
  if (found.length === 0) return 'missing';
  if (found.length > 1) return 'extra';
  return isDifferent ? 'differing' : 'equal';
}

function differences(table: Table, postgres: Row, store: Row): string[] {
  return table.columns
    .filter((_column, at) => postgres.columns[at] !== store.columns[at])
    .map((column) => column.name);
}

/**
 * A reading in one line: the key, and what is wrong with it. The values of columns are shown only on demand, for a
 * developer who looks at data of their own.
 */
export function describeReading(table: Table, reading: Reading, showValues: boolean): string {
  const key = describeKey(table, reading.id);
  switch (reading.verdict) {
    case 'equal':
      return `${key}: equal when read again, so a change was under way`;
    case 'missing':
      return `${key}: missing in the store`;
    case 'extra':
      return `${key}: ${reading.postgres === null ? 'not in Postgres' : reading.faults.join(', ')}`;
    case 'differing': {
      const columns = reading.columns.map((name) =>
        showValues ? describeValues(table, reading, name) : `column ${name} differs`,
      );
      return `${key}: ${[...columns, ...reading.faults].join(', ')}`;
    }
  }
}

function describeKey(table: Table, id: string): string {
  const values = keyValues(id);
  if (values.length !== table.key.length) return `key ${shown(values[0] ?? null)}`;
  return table.key.map((column, at) => `${column.name}=${shown(values[at] ?? null)}`).join(' ');
}

function describeValues(table: Table, { postgres, store }: Reading, name: string): string {
  const at = table.columns.findIndex((column) => column.name === name);
  return `column ${name} is ${shown(postgres?.columns[at] ?? null)} in Postgres, ${shown(store?.columns[at] ?? null)} in the store`;
}

function shown(text: string | null): string {
  if (text === null) return 'null';
  if (isMisfit(text)) return `of a wrong type (${JSON.stringify(text.slice(1))})`;
  return JSON.stringify(text);
}
