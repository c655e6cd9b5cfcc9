import type { Redis } from 'ioredis';
import { z } from 'zod';
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
  // At maxmemory Redis refuses SET even where NX changes nothing, and a sink that starts again needs none.
  let stored = await redis.get(layout);
  if (stored === null) {
    await redis.set(layout, wanted, 'NX');
    stored = await redis.get(layout);
  }
  if (stored === null || stored === wanted) return;
  const difference = layoutDifference(stored, wanted);
  if (difference === null)
    throw new TailraceError(
      'SINK_SCHEMA_CONFLICT',
      `The key ${layout}, which keeps the options of ${target.name}, holds a text that is not Tailrace's.`,
      "Delete that key or give the table's target another name (mapping).",
    );
  throw new TailraceError(
    'SINK_SCHEMA_CONFLICT',
    `The rows of ${target.name} were written with other options: ${difference}.`,
    `Put the options back. Or take the new ones: delete the key ${layout}, start the sink and replay it from the beginning, which puts each row and its sets right.`,
  );
}

const layoutSchema = z.strictObject({
  as: z.string(),
  sets: z.array(z.string()),
  sorted: z.array(z.string()),
});

/** The options that decide how rows and sets look, in one order. */
export function layoutText({ as, sets, sorted }: RedisTableOptions): string {
  const layout: z.output<typeof layoutSchema> = {
    as,
    sets: sets.toSorted(),
    sorted: Object.entries(sorted)
      .map(([name, column]) => `${name} by ${column}`)
      .toSorted(),
  };
  return JSON.stringify(layout);
}

/**
 * What two texts of layouts differ in, in words: `as is hash, wanted is json; sets lack by_owner:{owner}`. Null where one of them
 * is no layout.
 */
export function layoutDifference(stored: string, wanted: string): string | null {
  const [before, after] = [layoutOfText(stored), layoutOfText(wanted)];
  if (before === null || after === null) return null;
  const differences = before.as === after.as ? [] : [`as is ${before.as}, wanted is ${after.as}`];
  for (const name of ['sets', 'sorted'] as const) {
    const lacking = after[name].filter((each) => !before[name].includes(each));
    const needless = before[name].filter((each) => !after[name].includes(each));
    if (lacking.length > 0) differences.push(`${name} lack ${lacking.join(', ')}`);
    if (needless.length > 0) differences.push(`${name} have ${needless.join(', ')} besides`);
  }
  return differences.join('; ');
}

function layoutOfText(text: string): z.output<typeof layoutSchema> | null {
  try {
    return layoutSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
