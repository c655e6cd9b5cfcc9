/**
 * Aligned text columns; a column of numbers stands right, `isNumeric` says which are where the caller knows. Every line
 * ends with a newline.
 */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  isNumeric: readonly boolean[] = header.map((_, column) => looksNumeric(rows, column)),
): string {
  const widths = header.map((title, column) =>
    rows.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), title.length),
  );
  const line = (cells: readonly string[]) =>
    `${cells
      .map((cell, column) =>
        isNumeric[column] === true ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd()}\n`;
  return line(header) + rows.map(line).join('');
}

function looksNumeric(rows: readonly (readonly string[])[], column: number): boolean {
  return rows.length > 0 && rows.every((row) => /^[-\d.,\s]*( ?\w{1,3}(\/s)?)?$/.test(row[column] ?? ''));
}

/** `0 s`, `0.4 s`, `12 s`, `3 min`, `2.5 h`; `-` where it is not known. */
export function formatSeconds(seconds: number | null): string {
  if (seconds === null) return '-';
  if (seconds === 0) return '0 s';
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

export function formatNumber(value: number | null): string {
  return value === null ? '-' : Math.round(value).toLocaleString('en-US');
}
