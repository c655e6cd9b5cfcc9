import type { Redis } from 'ioredis';
import { TailraceError } from '../../core/errors.ts';
import { qualifiedName, type TableSchema } from '../../schemas/table-schema.ts';
import type { ValueKind } from '../../schemas/value.ts';
import type { Target } from '../sink.ts';
import type { RedisTableOptions } from './config.ts';
import { columnsOfName, SCORE_KINDS, TIME_KINDS } from './indexes.ts';
import type { KeyNames } from './mapping.ts';

/** Throws TailraceError CONFIG_INVALID where an option names a column that the table lacks or whose type does not fit. */
export function assertColumns(table: TableSchema, { sets, sorted, ttl }: RedisTableOptions): void {
  for (const name of [...sets, ...Object.keys(sorted)])
    for (const column of columnsOfName(name)) assertColumn(table, column, name, null);
  for (const [name, column] of Object.entries(sorted)) assertColumn(table, column, name, SCORE_KINDS);
  if (typeof ttl === 'object') assertColumn(table, ttl.column, 'ttl', TIME_KINDS);
}

function assertColumn(
  table: TableSchema,
  name: string,
  place: string,
  kinds: readonly ValueKind[] | null,
): void {
  const column = table.columns.find((each) => each.name === name);
  const what = `The mapping of ${qualifiedName(table)} names the column ${name} in ${place}`;
  if (column === undefined)
    throw new TailraceError(
      'CONFIG_INVALID',
      `${what}, which the target does not have.`,
      `Name one of its columns, as transforms and mapping leave them: ${table.columns.map((each) => each.name).join(', ')}.`,
    );
  if (kinds !== null && !kinds.includes(column.kind))
    throw new TailraceError(
      'CONFIG_INVALID',
      `${what}, whose type ${column.type} does not fit.`,
      `Name a column of one of these kinds: ${kinds.join(', ')}.`,
    );
}

/**
 * Compares the options that the rows were written with and those of now, and keeps the latter where there are none. Throws
 * TailraceError SINK_SCHEMA_CONFLICT with what differs: rows that are not written again would be missing in a new set.
 */
export async function assertLayout(
  redis: Redis,
  target: Target,
  { layout }: KeyNames,
  options: RedisTableOptions,
): Promise<void> {
  const wanted = layoutText(options);
  await redis.set(layout, wanted, 'NX');
  const stored = await redis.get(layout);
  if (stored === null || stored === wanted) return;
  throw new TailraceError(
    'SINK_SCHEMA_CONFLICT',
    `The rows of ${target.name} were written with other options: ${layoutDifference(stored, wanted)}.`,
    `Put the options back. Or take the new ones: delete the key ${layout}, start the sink and replay it from the beginning, which puts each row and its sets right.`,
  );
}

/** The options that decide how rows and sets look, in one order. */
export function layoutText({ as, sets, sorted }: RedisTableOptions): string {
  return JSON.stringify({
    as,
    sets: sets.toSorted(),
    sorted: Object.entries(sorted)
      .map(([name, column]) => `${name} by ${column}`)
      .toSorted(),
  });
}

/** What two texts of layouts differ in, in words: `as is hash, wanted json; sets lack by_owner:{owner}`. */
export function layoutDifference(stored: string, wanted: string): string {
  const [before, after] = [stored, wanted].map(
    (text) => JSON.parse(text) as Record<string, string | string[]>,
  );
  const differences: string[] = [];
  for (const [name, value] of Object.entries(after ?? {})) {
    const old = before?.[name] ?? [];
    if (typeof value === 'string' || typeof old === 'string') {
      if (value !== old) differences.push(`${name} is ${String(old)}, wanted is ${String(value)}`);
      continue;
    }
    const lacking = value.filter((each) => !old.includes(each));
    const needless = old.filter((each) => !value.includes(each));
    if (lacking.length > 0) differences.push(`${name} lack ${lacking.join(', ')}`);
    if (needless.length > 0) differences.push(`${name} have ${needless.join(', ')} besides`);
  }
  return differences.join('; ');
}
