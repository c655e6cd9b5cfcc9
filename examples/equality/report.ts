import type { Comparison } from './comparison.ts';

const HEADINGS = ['table', 'store', 'Postgres', 'rows', 'missing', 'extra', 'differing', 'seconds', 'result'];
/** The first columns hold words and stand left, the numbers stand right. */
const LEFT_COLUMNS = new Set([0, 1, 8]);

/** The comparisons as a table for people, with the samples of each difference below it. */
export function report(comparisons: readonly Comparison[]): string {
  const lines = [HEADINGS, ...comparisons.map(cells)];
  const widths = HEADINGS.map((_heading, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
  const table = lines.map((line) =>
    line
      .map((cell, at) =>
        LEFT_COLUMNS.has(at) ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  const details = comparisons.flatMap(({ table: name, store, samples, error }) => [
    ...(error === null ? [] : [`${name} in ${store} could not be read: ${error}`]),
    ...samples.map((sample) => `${name} in ${store}: ${sample}`),
  ]);
  return [...table, ...(details.length > 0 ? ['', ...details] : []), ''].join('\n');
}

function cells(comparison: Comparison): string[] {
  const { postgresRows, storeRows, missing, extra, differing, seconds } = comparison;
  const counts = [missing, extra, differing].map((count) =>
    comparison.error === null ? String(count) : '-',
  );
  const rows = [String(postgresRows), String(storeRows ?? '-')];
  return [comparison.table, comparison.store, ...rows, ...counts, seconds.toFixed(1), resultOf(comparison)];
}

function resultOf({ equal, error, unsettled, missing, extra, differing }: Comparison): string {
  if (error !== null) return 'unreadable';
  if (missing + extra + differing > 0) return 'DIFFERENT';
  return equal ? 'equal' : `unsettled (${unsettled})`;
}
