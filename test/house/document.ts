import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../architecture/project-files.ts';

/** A page of docs/, as text. */
export function readDocument(name: string): string {
  return readFileSync(join(projectRoot, 'docs', name), 'utf8');
}

/** The text under each heading of this level, `###` for instance, up to the next heading of the same or a higher one. */
export function sectionsOf(document: string, level: string): Map<string, string> {
  const sections = new Map<string, string>();
  let current: string | null = null;
  for (const line of document.split('\n')) {
    const [, marks = '', title = ''] = /^(#+) (.*)$/.exec(line) ?? [];
    if (marks === level) {
      current = title;
      sections.set(title, '');
    } else if (marks !== '' && marks.length < level.length) current = null;
    else if (current !== null) sections.set(current, `${sections.get(current)}${line}\n`);
  }
  return sections;
}

/** The rows of all tables of a text whose first column is in code marks, as cells; the first is without the marks. */
export function codeRowsOf(text: string): string[][] {
  return [...text.matchAll(/^\| `([^`]+)` *\|(.*)\|$/gm)].map(([, first = '', rest = '']) => [
    first,
    ...rest.split(' | ').map((cell) => cell.trim()),
  ]);
}
