import { createHash } from 'node:crypto';
import { columnOf } from '../../schemas/table-schema.ts';
import type { Target } from '../sink.ts';
import { baseOf, decimalOf, type TableColumn } from './column-type.ts';
import type { ClickHouseTableOptions, MaterializedView } from './config.ts';
import { misconfigured } from './misconfigured.ts';
import { quoteName, quoteText } from './quote.ts';
import { changesViewOf, layoutsOf, viewOf } from './table-layout.ts';

/**
 * Aggregates by minute, hour or day. ClickHouse computes each anew at times from a view that shows each row, or each change,
 * once: a view that adds up inserts as they come would count repeated ones twice, and could take nothing back.
 */
export interface Aggregate {
  readonly name: string;
  /** The statement that makes it. Its end names the definition, so that another one is told apart. */
  readonly statement: string;
  readonly comment: string;
  /** Columns whose sum or average is asked for: a String has none. */
  readonly numbers: readonly string[];
  /** The view that it reads. */
  readonly source: string;
}

const PERIOD_SECONDS = { minute: 60, hour: 3600, day: 86_400 } as const;
const REFRESH_SECONDS = { s: 1, m: 60, h: 3600 } as const;

/** Throws CONFIG_INVALID for an aggregate that does not fit the target's columns. */
export function aggregatesOf(target: Target, options: ClickHouseTableOptions): readonly Aggregate[] {
  const entries = Object.entries(options.materializedViews);
  if (entries.length === 0) return [];
  const [rows, history] = layoutsOf(target, options);
  return entries.map(([name, view]) => {
    const isOfHistory = view.from === 'history';
    if (isOfHistory && history === undefined)
      throw misconfigured(target, `materializedViews.${name}`, 'there is no history', 'add history: true');
    const columns = (isOfHistory ? history : rows)?.columns ?? [];
    return aggregateOf(target, name, view, columns);
  });
}

function aggregateOf(
  target: Target,
  name: string,
  view: MaterializedView,
  columns: readonly TableColumn[],
): Aggregate {
  const { every, by, from } = view;
  const option = `materializedViews.${name}`;
  const typeOf = (column: string): string => {
    const found = columns.find((candidate) => candidate.name === column);
    if (found === undefined || found.name === '__deleted')
      throw misconfigured(target, option, `there is no column ${column}`, 'mend its name, or take it out');
    return baseOf(found.type);
  };
  const time = view.time ?? (from === 'history' ? '__committed_at' : undefined);
  if (time === undefined)
    throw misconfigured(target, option, 'no column says when', 'add time: and its name');
  if (!typeOf(time).startsWith('Date'))
    throw misconfigured(
      target,
      option,
      `time: ${time} is a ${typeOf(time)}`,
      'name a column of dates or times',
    );
  const names = [every, ...by, ...Object.keys(view.values)];
  const double = names.find((one, index) => names.indexOf(one) !== index);
  if (double !== undefined)
    throw misconfigured(target, option, `two columns would be called ${double}`, 'give a value another name');

  const numbers: string[] = [];
  const period = periodOf(`source.${quoteName(time)}`, PERIOD_SECONDS[every]);
  const groups = [period, ...by.map((column) => (typeOf(column), `source.${quoteName(column)}`))];
  const values = Object.entries(view.values).map(([value, text]) => {
    const [, run = '', argument = ''] = /^(\w+)\((.*)\)$/s.exec(text) ?? [];
    if (argument === '') return `count() AS ${quoteName(value)}`;
    const base = typeOf(argument);
    if (run === 'sum' || run === 'avg') {
      if (!/^(?:U?Int|Float|Decimal)/.test(base)) throw noNumber(target, option, text, argument, base);
      numbers.push(argument);
    }
    return `${run}(${addend(run, base, `source.${quoteName(argument)}`)}) AS ${quoteName(value)}`;
  });
  const source = from === 'history' ? changesViewOf(target.name) : viewOf(target.name);
  const select = [...groups.map((group, index) => `${group} AS ${quoteName(names[index] ?? '')}`), ...values];
  const [, amount = '', unit = 's'] = /^(\d+)([smh])$/.exec(view.refresh) ?? [];
  const head =
    `CREATE MATERIALIZED VIEW IF NOT EXISTS ${quoteName(name)} ` +
    `REFRESH EVERY ${Number(amount) * REFRESH_SECONDS[unit as keyof typeof REFRESH_SECONDS]} SECOND ` +
    `ENGINE = MergeTree ORDER BY (${names.slice(0, groups.length).map(quoteName).join(', ')}) SETTINGS allow_nullable_key = 1 ` +
    `AS SELECT ${select.join(', ')} FROM ${quoteName(source)} AS source GROUP BY ${groups.join(', ')} ` +
    // Else an alias could be taken for a column of the same name.
    'SETTINGS prefer_column_name_to_alias = 1';
  const used = [time, ...by, ...numbers].map((column) => columns.find((one) => one.name === column)?.type);
  const digest = createHash('sha256')
    .update(JSON.stringify([head, used]))
    .digest('hex')
    .slice(0, 16);
  const comment = `Tailrace ${digest}`;
  return { name, statement: `${head} COMMENT ${quoteText(comment)}`, comment, numbers, source };
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

/** A sum of large integers may need more digits than they have. */
function addend(run: string, base: string, column: string): string {
  return run === 'sum' && /^U?Int64$/.test(base) ? `toInt128(${column})` : column;
}

function noNumber(target: Target, option: string, text: string, column: string, base: string): Error {
  const isNumeric = columnOf(target.table, column).kind === 'numeric' && decimalOf(base) === null;
  const fix = isNumeric
    ? `give it digits: columnTypes: { ${column}: Decimal(38, 10) }`
    : 'name a column of numbers';
  return misconfigured(target, option, `${text}: ${column} is a ${base} in ClickHouse`, fix);
}
