import { createHash } from 'node:crypto';
import type { Aggregate, AggregateValue } from './aggregate.ts';
import { typeOf } from './column-changes.ts';
import { baseOf, type TableColumn } from './column-type.ts';
import { quoteName, quoteText } from './quote.ts';

export interface AggregateStatement {
  readonly statement: string;
  /** Names the definition, the types of its columns too, so that another one is told apart. */
  readonly comment: string;
}

const PERIOD_SECONDS = { minute: 60, hour: 3600, day: 86_400 } as const;
const REFRESH_SECONDS = { s: 1, m: 60, h: 3600 } as const;

/** The statement that makes an aggregate of a source with these columns. */
export function aggregateStatement(
  { name, view, time, values, source, used }: Aggregate,
  columns: readonly TableColumn[],
): AggregateStatement {
  const { every, by, refresh } = view;
  const groups = [periodOf(sourceColumn(time), PERIOD_SECONDS[every]), ...by.map(sourceColumn)];
  const groupNames = [every, ...by].map(quoteName);
  const select = [
    ...groups.map((group, index) => `${group} AS ${groupNames[index]}`),
    ...values.map((value) => `${aggregated(value, columns)} AS ${quoteName(value.name)}`),
  ];
  const [, amount = '', unit = 's'] = /^(\d+)([smh])$/.exec(refresh) ?? [];
  const seconds = Number(amount) * REFRESH_SECONDS[unit as keyof typeof REFRESH_SECONDS];
  const definition =
    `CREATE MATERIALIZED VIEW IF NOT EXISTS ${quoteName(name)} REFRESH EVERY ${seconds} SECOND ` +
    `ENGINE = MergeTree ORDER BY (${groupNames.join(', ')}) SETTINGS allow_nullable_key = 1 ` +
    `AS SELECT ${select.join(', ')} FROM ${quoteName(source)} AS source ` +
    `WHERE ${typesStand(used, columns)} GROUP BY ${groups.join(', ')} ` +
    // Else an alias could be taken for a column of the same name.
    'SETTINGS prefer_column_name_to_alias = 1';
  const digest = createHash('sha256').update(definition).digest('hex').slice(0, 16);
  const comment = `Tailrace ${digest}`;
  return { statement: `${definition} COMMENT ${quoteText(comment)}`, comment };
}

function sourceColumn(name: string): string {
  return `source.${quoteName(name)}`;
}

function aggregated({ run, column }: AggregateValue, columns: readonly TableColumn[]): string {
  if (column === null) return 'count()';
  const base = baseOf(typeOf(columns, column) ?? '');
  // A sum of large integers may need more digits than they have.
  const isLarge = run === 'sum' && /^U?Int64$/.test(base);
  return `${run}(${isLarge ? `toInt128(${sourceColumn(column)})` : sourceColumn(column)})`;
}

/**
 * Fails the refresh once a column has another type: what is computed then would be cut to the types that the result has since it
 * was made, and numbers that have become texts would be compared as texts. Every refresh counts, also those before the sink
 * makes the view anew and those of a view that it cannot make anew.
 */
function typesStand(used: readonly TableColumn[], columns: readonly TableColumn[]): string {
  const others = used.map(
    ({ name }) => `toTypeName(${sourceColumn(name)}) != ${quoteText(typeOf(columns, name) ?? '')}`,
  );
  return `throwIf(${others.join(' OR ')}, 'a column has another type than when this view was made') = 0`;
}

/**
 * When the period of a time begins, in UTC. ClickHouse's own `toStartOfHour` takes times before 1970 for times of 1970, and
 * those that have a fraction for times of the hour after.
 */
function periodOf(column: string, seconds: number): string {
  const microseconds = `toUnixTimestamp64Micro(toDateTime64(${column}, 6, 'UTC'))`;
  const since = `positiveModulo(${microseconds}, ${seconds * 1_000_000})`;
  return `toDateTime64(fromUnixTimestamp64Micro(${microseconds} - ${since}, 'UTC'), 0, 'UTC')`;
}
