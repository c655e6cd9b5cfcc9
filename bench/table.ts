/** A column: its heading, and whether its cells stand at the left; numbers stand at the right. */
export interface Column {
  readonly heading: string;
  readonly isText?: boolean;
}

/** A table in plain text, two spaces between columns, a line under the headings; ends with a newline. */
export function renderTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ heading }, index) =>
    Math.max(heading.length, ...rows.map((row) => row[index]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    columns
      .map(({ isText = false }, index) => {
        const cell = cells[index] ?? '';
        const width = widths[index] ?? 0;
        return isText ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd();
  const headings = line(columns.map(({ heading }) => heading));
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  return `${[headings, rule, ...rows.map(line)].join('\n')}\n`;
}

/** A number with so many places after the point, thousands apart. */
export function formatNumber(value: number, places = 0): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: places, maximumFractionDigits: places });
}
