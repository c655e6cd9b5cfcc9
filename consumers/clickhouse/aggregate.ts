import type { Target } from '../sink.ts';
import { baseOf, decimalOf, isTextKind, type TableColumn } from './column-type.ts';
import type { ClickHouseTableOptions, MaterializedView } from './config.ts';
import { misconfigured } from './misconfigured.ts';
import { changesViewOf, layoutsOf, viewOf } from './table-layout.ts';

/**
 * Aggregates by minute, hour or day. ClickHouse computes each anew at times from a view that shows each row, or each change,
 * once: a view that adds up inserts as they come would count repeated ones twice, and could take nothing back.
 */
export interface Aggregate {
  readonly name: string;
  readonly view: MaterializedView;
  /** The column that says which period a row belongs to. */
  readonly time: string;
  readonly values: readonly AggregateValue[];
  /** The view that it reads. */
  readonly source: string;
  /**
   * The columns whose types its result depends on, with the types that the target's schema asks for; all but those that are
   * only counted.
   */
  readonly used: readonly TableColumn[];
}

export interface AggregateValue {
  readonly name: string;
  readonly run: string;
  /** Null of `count()`. */
  readonly column: string | null;
}

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
  const found = (wanted: string): TableColumn => {
    const column = columns.find((candidate) => candidate.name === wanted);
    if (column === undefined || column.name === '__deleted')
      throw misconfigured(target, option, `there is no column ${wanted}`, 'mend its name, or take it out');
    return column;
  };
  const time = view.time ?? (from === 'history' ? '__committed_at' : undefined);
  if (time === undefined)
    throw misconfigured(target, option, 'no column says when', 'add time: and its name');
  const timeBase = baseOf(found(time).type);
  if (!timeBase.startsWith('Date'))
    throw misconfigured(target, option, `time: ${time} is a ${timeBase}`, 'name a column of dates or times');
  const names = [every, ...by, ...Object.keys(view.values)];
  const double = names.find((one, index) => names.indexOf(one) !== index);
  if (double !== undefined)
    throw misconfigured(target, option, `two columns would be called ${double}`, 'give a value another name');

  const values = Object.entries(view.values).map(([value, text]) => valueOf(value, text));
  for (const { run, column } of values) if (column !== null) assertFits(target, option, run, found(column));
  const used = [time, ...by, ...values.flatMap(({ run, column }) => (run === 'count' ? [] : (column ?? [])))];
  return {
    name,
    view,
    time,
    values,
    source: from === 'history' ? changesViewOf(target.name) : viewOf(target.name),
    used: [...new Set(used)].map(found),
  };
}

/** `total`, `sum(price)` -> the sum of the column price, called total. */
function valueOf(name: string, text: string): AggregateValue {
  const [, run = '', column = ''] = /^(\w+)\((.*)\)$/s.exec(text) ?? [];
  return { name, run, column: column === '' ? null : column };
}

/** Numbers have a sum; of numbers and times that are kept as text, neither sum nor order is that of the values. */
function assertFits(target: Target, option: string, run: string, { name, type }: TableColumn): void {
  const base = baseOf(type);
  const column = target.table.columns.find((candidate) => candidate.name === name);
  const isNumber = /^(?:U?Int|Float|Decimal)/.test(base);
  const isOrdered = base !== 'String' || column === undefined || isTextKind(column.kind);
  const fits = run === 'sum' || run === 'avg' ? isNumber : isOrdered || (run !== 'min' && run !== 'max');
  if (fits) return;
  const lacksDigits = column?.kind === 'numeric' && decimalOf(base) === null;
  const fix = lacksDigits
    ? `give it digits: columnTypes: { ${name}: Decimal(38, 10) }`
    : 'name a column of numbers';
  throw misconfigured(target, option, `${run}(${name}): ${name} is a ${base} in ClickHouse`, fix);
}
