import { formatNumber, formatSeconds, formatTable } from '../../cli/table.ts';
import type { CountComparison } from '../equality/compare-counts.ts';
import type { Comparison } from '../equality/comparison.ts';
import type { SinkFigures } from './workers.ts';

/** One store of the live table. */
export interface StoreLine {
  readonly name: string;
  readonly type: string;
  readonly figures: SinkFigures | null;
}

/** Result of the last whole comparison of a store. */
export interface Judgement {
  readonly at: Date;
  readonly comparisons: readonly Comparison[];
}

/** The live table: a line a store with rows, rate, lag and whether it equals Postgres. */
export function renderLive(
  stores: readonly StoreLine[],
  counts: readonly CountComparison[],
  judgements: ReadonlyMap<string, Judgement>,
  changes: number,
): string {
  const lines = stores.map(({ name, type, figures }) => [
    name,
    type,
    figures?.state ?? 'no answer',
    rowsOf(name, counts),
    figures === null ? '-' : `${formatNumber(figures.ratePerSecond)}/s`,
    formatSeconds(figures?.lagSeconds ?? null),
    verdictOf(judgements.get(name)),
  ]);
  const postgresRows = [...new Map(counts.map(({ table, postgresRows: rows }) => [table, rows])).values()];
  const total = postgresRows.reduce((sum, rows) => sum + rows, 0);
  const errors = stores.flatMap(({ name, figures }) =>
    figures?.lastError == null ? [] : [`${name}: ${figures.lastError}\n`],
  );
  return (
    `Postgres: ${formatNumber(total)} rows, ${formatNumber(changes)} changes by the live workload\n\n` +
    formatTable(['sink', 'store', 'state', 'rows', 'rate', 'lag', 'equal to Postgres'], lines) +
    errors.join('')
  );
}

function rowsOf(store: string, counts: readonly CountComparison[]): string {
  const own = counts.filter((count) => count.store === store);
  if (own.length === 0 || own.some(({ storeRows }) => storeRows === null)) return '-';
  return formatNumber(own.reduce((sum, { storeRows }) => sum + (storeRows ?? 0), 0));
}

function verdictOf(judgement: Judgement | undefined): string {
  if (judgement === undefined) return 'not yet compared';
  const own = judgement.comparisons;
  const time = judgement.at.toISOString().slice(11, 19);
  const unreadable = own.find(({ error }) => error !== null);
  if (unreadable !== undefined) return `not readable at ${time}`;
  const different = own.reduce((sum, { missing, extra, differing }) => sum + missing + extra + differing, 0);
  if (different > 0) return `NO: ${different} rows differ at ${time}`;
  const unsettled = own.reduce((sum, comparison) => sum + comparison.unsettled, 0);
  return unsettled > 0
    ? `yes but for ${unsettled} rows in change at ${time}`
    : `yes, every column at ${time}`;
}
