import { cellJson, cellText, type Cell } from '../core/cell.ts';
import type { Answer } from '../core/query.ts';
import { formatTable } from './table.ts';

/** Longer cells are cut in the table; `--json` and `--csv` have them whole. */
const MAX_CELL_CHARACTERS = 100;
const NUMBER = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i;

/** Aligned columns, numbers to the right. Null is `NULL`; what would break a line or drive a terminal is escaped. */
export function answerTable({ columns, rows }: Answer): string {
  if (columns.length === 0) return '';
  const texts = rows.map((row) => row.map(tableCell));
  const isNumeric = columns.map((_, column) => {
    const given = rows.map((row) => row[column] ?? null).filter((cell) => cell !== null);
    return given.length > 0 && given.every((cell) => NUMBER.test(cellText(cell)));
  });
  return formatTable(columns.map(printable), texts, isNumeric);
}

function tableCell(cell: Cell): string {
  if (cell === null) return 'NULL';
  const text = cellText(cell);
  const start = text.slice(0, MAX_CELL_CHARACTERS);
  return printable(start) + (start.length < text.length ? '…' : '');
}

const CONTROL = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function printable(text: string): string {
  return text.replace(
    CONTROL,
    (character) => NAMED[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** As `COPY ... CSV HEADER` of Postgres: null is nothing, the empty text is `""`. */
export function answerCsv({ columns, rows }: Answer): string {
  if (columns.length === 0) return '';
  const line = (cells: readonly Cell[]) => `${cells.map(csvCell).join(',')}\n`;
  return line(columns) + rows.map(line).join('');
}

function csvCell(cell: Cell): string {
  if (cell === null) return '';
  const text = cellText(cell);
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** One object; a row is an object by column, and a name that comes again gets a number: `id`, `id_2`. */
export function answerJson(sink: string, { columns, rows, truncated }: Answer, seconds: number): string {
  const names = uniqueNames(columns);
  const objects = rows.map(
    (row) =>
      `{${names.map((name, index) => `${JSON.stringify(name)}:${cellJson(row[index] ?? null)}`).join()}}`,
  );
  const head = JSON.stringify({ sink, seconds, truncated, columns: names });
  return `${head.slice(0, -1)},"rows":[${objects.join()}]}\n`;
}

function uniqueNames(columns: readonly string[]): string[] {
  const taken = new Set<string>();
  for (const column of columns) {
    let name = column;
    for (let count = 2; taken.has(name); count++) name = `${column}_${count}`;
    taken.add(name);
  }
  return [...taken];
}
