import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../architecture/project-files.ts';
import { TYPE_SAMPLES, sampleColumn, sampleValue } from './samples.ts';
import { formsOf, PLACES, type Forms } from './store-forms.ts';

/** docs/types.md, whose tables stand between marks and are made from the code. */
export const TYPES_PAGE = join(projectRoot, 'docs', 'types.md');

/** The page as it should be: the text around the tables as it stands, the tables as the code has them now. */
export function typesPage(present: string): string {
  return replaceBetween(replaceBetween(present, 'types', typesTable()), 'exceptions', exceptionsTable());
}

function replaceBetween(page: string, mark: string, text: string): string {
  const [start, end] = [`<!-- ${mark}: made by test/types/types-page.ts -->`, `<!-- end of ${mark} -->`];
  const [from, to] = [page.indexOf(start), page.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`docs/types.md lacks the marks of ${mark}`);
  return `${page.slice(0, from)}${start}\n<!-- prettier-ignore-start -->\n\n${text}\n\n<!-- prettier-ignore-end -->\n${page.slice(to)}`;
}

/** One row for all types that are the same everywhere. */
function typesTable(): string {
  const rows = new Map<string, string[]>();
  for (const sample of TYPE_SAMPLES) {
    const cells = [sample.kind, ...inOrder(formsOf(sampleColumn(sample), firstValue(sample)))];
    const row = cells.join(' | ');
    rows.set(row, [...(rows.get(row) ?? []), `\`${sample.type}\``]);
  }
  return tableOf(
    ['Postgres', 'kind', ...PLACES],
    [...rows].map(([row, types]) => `${types.join(', ')} | ${row}`),
  );
}

/** The values that take another form than their type usually has; one row for all values of a type that share it. */
function exceptionsTable(): string {
  const values = new Map<string, string[]>();
  for (const sample of TYPE_SAMPLES) {
    const column = sampleColumn(sample);
    const usual = formsOf(column, firstValue(sample));
    for (const each of sample.values) {
      const forms = formsOf(column, sampleValue(sample, each));
      const cells = PLACES.map((place) => (forms[place] === usual[place] ? '' : forms[place]));
      if (cells.every((cell) => cell === '')) continue;
      const shown = String(each.text).length > 42 ? each.input : String(each.text);
      const row = [sample.type, cells.join(' | ')].join('\0');
      values.set(row, [...(values.get(row) ?? []), `\`${shown}\``]);
    }
  }
  return tableOf(
    ['Postgres', 'value', ...PLACES],
    [...values].map(([row, shown]) => {
      const [type, cells] = row.split('\0');
      return `\`${type}\` | ${shown.join(', ')} | ${cells}`;
    }),
  );
}

function firstValue(sample: (typeof TYPE_SAMPLES)[number]) {
  const [first] = sample.values;
  if (first === undefined) throw new Error(`${sample.type} has no sample value`);
  return sampleValue(sample, first);
}

function inOrder(forms: Forms): string[] {
  return PLACES.map((place) => forms[place]);
}

function tableOf(heads: readonly string[], rows: readonly string[]): string {
  const lines = [heads.join(' | '), heads.map(() => '---').join(' | '), ...rows];
  return lines.map((line) => `| ${line} |`).join('\n');
}

if (import.meta.main) writeFileSync(TYPES_PAGE, typesPage(readFileSync(TYPES_PAGE, 'utf8')));
