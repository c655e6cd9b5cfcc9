import { valueText } from '../../schemas/key-text.ts';
import type { TableSchema } from '../../schemas/table-schema.ts';
import { epochMicros } from '../../schemas/temporal.ts';
import type { Row, Value, ValueKind } from '../../schemas/value.ts';
import type { RedisTableOptions } from './config.ts';

/** The sets and sorted sets that have a row's key, by their whole names. */
export interface Memberships {
  readonly sets: readonly string[];
  readonly sorted: readonly (readonly [name: string, score: string])[];
}

/** Text and columns of an index's name in turns: `by_city:{country}:{city}`. It begins with text, perhaps an empty one. */
interface NameTemplate {
  readonly texts: readonly string[];
  readonly columns: readonly string[];
}

export const TIME_KINDS: readonly ValueKind[] = ['date', 'timestamp', 'timestamptz'];

/** What a score can be made of. */
export const SCORE_KINDS: readonly ValueKind[] = [
  'int2', 'int4', 'int8', 'float4', 'float8', 'numeric', ...TIME_KINDS,
]; // prettier-ignore

/**
 * Tells which sets and sorted sets a row belongs to; null where the options name none. `prefix` comes before each name. A row of
 * an older schema may lack a column or have it with another type: it then belongs nowhere.
 */
export function membershipsOf(
  table: TableSchema,
  prefix: string,
  options: Pick<RedisTableOptions, 'sets' | 'sorted'>,
): ((row: Row) => Memberships) | null {
  const sets = options.sets.map((name) => templateOf(prefix, name));
  const sorted = Object.entries(options.sorted).map(([name, by]) => ({
    template: templateOf(prefix, name),
    by,
    kind: table.columns.find((column) => column.name === by)?.kind,
  }));
  if (sets.length + sorted.length === 0) return null;
  return (row) => ({
    sets: sets.flatMap((template) => nameFor(template, row) ?? []),
    sorted: sorted.flatMap(({ template, by, kind }) => {
      const name = nameFor(template, row);
      const score = kind === undefined ? null : scoreOf(kind, row[by] ?? null);
      return name === null || score === null ? [] : [[name, score] as const];
    }),
  });
}

/** The columns that an index's name has. */
export function columnsOfName(name: string): string[] {
  return [...templateOf('', name).columns];
}

/** A time in milliseconds since 1970, its microseconds as a fraction; infinities included. Null for a null. */
export function timeMs(value: Value): number | null {
  if (value === null) return null;
  const micros = epochMicros(String(value));
  if (micros === null) return value === 'infinity' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  return Number(micros) / 1000;
}

function templateOf(prefix: string, name: string): NameTemplate {
  const parts = name.split(/[{}]/);
  const [first = '', ...texts] = parts.filter((_, index) => index % 2 === 0);
  return { texts: [prefix + first, ...texts], columns: parts.filter((_, index) => index % 2 === 1) };
}

/** Null where one of the columns is: such a row is in no set. */
function nameFor({ texts, columns }: NameTemplate, row: Row): string | null {
  let name = texts[0] ?? '';
  for (const [index, column] of columns.entries()) {
    const value = row[column] ?? null;
    if (value === null) return null;
    const text = valueText(value);
    // As in composite keys, so that the pairs (a:b, c) and (a, b:c) have sets of their own.
    name += (columns.length === 1 ? text : text.replace(/[\\:]/g, '\\$&')) + (texts[index + 1] ?? '');
  }
  return name.toWellFormed();
}

/** A score as Redis reads it: a double. Null for null and for NaN, which Redis refuses. */
function scoreOf(kind: ValueKind, value: Value): string | null {
  if (value === null || !SCORE_KINDS.includes(kind)) return null;
  const score = TIME_KINDS.includes(kind) ? timeMs(value) : Number(value);
  if (score === null || Number.isNaN(score)) return null;
  if (Number.isFinite(score)) return String(score);
  return score > 0 ? '+inf' : '-inf';
}
