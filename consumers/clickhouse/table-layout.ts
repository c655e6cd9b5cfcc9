import type { Target } from '../sink.ts';
import { baseOf, type TableColumn } from './column-type.ts';
import type { ClickHouseTableOptions, TableSettings } from './config.ts';
import { columnIn, namesIn, partsOf } from './expression.ts';
import { columnsOf } from './mapping.ts';
import { misconfigured } from './misconfigured.ts';
import { quoteName } from './quote.ts';

/** A table of ClickHouse as Tailrace makes it; a target has one for its rows, and one for its changes where they are kept. */
export interface TableLayout {
  readonly name: string;
  /** Shows what readers want: live rows, or each change once. */
  readonly view: string;
  /** The target's columns, then those that Tailrace adds. */
  readonly columns: readonly TableColumn[];
  readonly internals: readonly TableColumn[];
  /** Internal columns that the view shows too. */
  readonly shown: readonly TableColumn[];
  readonly engine: string;
  /** The columns that tell rows apart: versions of one row are equal in them, so the sorting key must have all of them. */
  readonly identity: readonly string[];
  /** Expressions of nothing else than `fixed`; null where it is the identity, in any order. */
  readonly orderBy: readonly string[] | null;
  readonly partitionBy: string | null;
  readonly ttl: string | null;
  readonly settings: TableSettings;
  /** Columns that are the same in all versions of a row: what a partition, a sorting key and a TTL may depend on. */
  readonly fixed: readonly string[];
}

/** The version and the tombstone mark, which ReplacingMergeTree takes as its arguments. */
export const VERSION_COLUMNS: readonly TableColumn[] = [
  { name: '__pos', type: 'UInt128' },
  { name: '__deleted', type: 'UInt8' },
];

export const CHANGE_COLUMNS: readonly TableColumn[] = [
  { name: '__pos', type: 'UInt128' },
  { name: '__op', type: 'LowCardinality(String)' },
  { name: '__committed_at', type: "DateTime64(6, 'UTC')" },
];

/** The view of a table's live rows. */
export function viewOf(table: string): string {
  return `${table}_current`;
}

export function historyOf(table: string): string {
  return `${table}_history`;
}

/** The view of a history that shows each change once. */
export function changesViewOf(table: string): string {
  return `${table}_changes`;
}

/** Throws CONFIG_INVALID for options that would let versions of a row lie apart, or that do not fit the target's columns. */
export function layoutsOf(target: Target, options: ClickHouseTableOptions): readonly TableLayout[] {
  const layouts = [rowsLayout(target, options), ...historyLayout(target, options)];
  for (const layout of layouts) assertFixed(target, layout);
  return layouts;
}

export function rowsLayout(target: Target, options: ClickHouseTableOptions): TableLayout {
  const { name, table } = target;
  return {
    name,
    view: viewOf(name),
    columns: columnsOf(target, options, VERSION_COLUMNS),
    internals: VERSION_COLUMNS,
    shown: [],
    engine: 'ReplacingMergeTree(__pos, __deleted)',
    identity: table.key,
    orderBy: options.orderBy?.map((part) => (table.key.includes(part) ? quoteName(part) : part)) ?? null,
    partitionBy: options.partitionBy ?? null,
    ttl: options.ttl ?? null,
    settings: options.settings,
    fixed: table.key,
  };
}

/**
 * A change comes again with each replay, in the same words, so of the rows with one key and position one is left. Only a
 * tombstone whose delete was not read has another commit time, 1970: the version lets the true one stand.
 */
function historyLayout(target: Target, options: ClickHouseTableOptions): TableLayout[] {
  const { history } = options;
  if (history === null) return [];
  const { name, table } = target;
  return [
    {
      name: historyOf(name),
      view: changesViewOf(name),
      columns: columnsOf(target, options, CHANGE_COLUMNS),
      internals: CHANGE_COLUMNS,
      shown: CHANGE_COLUMNS,
      engine: 'ReplacingMergeTree(__committed_at)',
      identity: [...table.key, '__pos'],
      orderBy: null,
      partitionBy: history.partitionBy,
      ttl: history.ttl ?? null,
      settings: history.settings,
      fixed: [...table.key, ...CHANGE_COLUMNS.map((column) => column.name)],
    },
  ];
}

/** The sorting key: what the config asks for, or the identity. */
export function sortingKeyOf({ orderBy, identity }: TableLayout): readonly string[] {
  return orderBy ?? identity.map(quoteName);
}

function assertFixed(target: Target, layout: TableLayout): void {
  const { orderBy, partitionBy, ttl } = layout;
  for (const [option, expression] of Object.entries({ orderBy: orderBy?.join(', '), partitionBy, ttl })) {
    const stranger = namesIn(expression ?? '').find((name) => !layout.fixed.includes(name));
    if (stranger !== undefined)
      throw misconfigured(
        target,
        option,
        `${layout.name} cannot depend on ${stranger}: only on ${layout.fixed.join(', ')}, since versions of one row that ` +
          'differ there would never be folded into one',
        `use these columns alone, or make ${stranger} part of the key: key: [${[stranger, ...target.table.key].join(', ')}]`,
      );
  }
  const absent = missingIn(sortingKeyOf(layout), layout);
  if (absent !== undefined)
    throw misconfigured(
      target,
      'orderBy',
      `the key column ${absent} is missing: rows that differ in nothing else would replace each other`,
      `name all of ${layout.identity.join(', ')}, in the order that your queries want`,
    );
}

/** A column of the identity that a sorting key lacks: one that stands inside of a function does not tell all rows apart. */
export function missingIn(sortingKey: readonly string[], { identity }: TableLayout): string | undefined {
  const columns = sortingKey.flatMap(partsOf).map(columnIn);
  return identity.find((name) => !columns.includes(name));
}

/** Throws CONFIG_INVALID for options that name a column which the target, as it is now, does not have, or of another type. */
export function assertColumns(target: Target, options: ClickHouseTableOptions): void {
  const { columns } = target.table;
  const wanted = columnsOf(target, options, []);
  const named = [
    ...Object.keys(options.columnTypes).map((name) => ({ option: 'columnTypes', name })),
    ...options.lowCardinality.map((name) => ({ option: 'lowCardinality', name })),
  ];
  for (const { option, name } of named)
    if (columns.every((column) => column.name !== name))
      throw misconfigured(target, option, `there is no column ${name}`, 'take it out, or mend its name');
  const noText = options.lowCardinality.find(
    (name) => baseOf(wanted.find((column) => column.name === name)?.type ?? '') !== 'String',
  );
  if (noText !== undefined)
    throw misconfigured(target, 'lowCardinality', `${noText} is no String`, 'name columns of text alone');
}
