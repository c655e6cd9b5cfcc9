/** Aligned text columns; a column of numbers stands right. Every line ends with a newline. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const isNumeric = header.map(
    (_, column) =>
      rows.length > 0 && rows.every((row) => /^[-\d.,\s]*( ?\w{1,3}(\/s)?)?$/.test(row[column] ?? '')),
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
