import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { importsOf } from './imports.ts';
import { projectFiles, projectRoot } from './project-files.ts';

/** One import between two files of the project; paths start at the project's root. */
export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly isTypeOnly: boolean;
}

/** The imports between the project's own TypeScript files. Packages and Node's own modules are left out. */
export function importGraph(): Edge[] {
  return projectFiles()
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => edgesOf(file, readFileSync(join(projectRoot, file), 'utf8')));
}

/** The imports of one file whose text is `source`. */
export function edgesOf(file: string, source: string): Edge[] {
  return importsOf(source)
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map(({ specifier, isTypeOnly }) => ({
      from: file,
      to: posix.join(posix.dirname(file), specifier),
      isTypeOnly,
    }));
}

/** Loops of imports, as the files that each runs through with the first named again; none is found only when there is none. */
export function cyclesOf(edges: readonly Edge[]): string[][] {
  const targets = Map.groupBy(edges, ({ from }) => from);
  const cycles: string[][] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    const start = path.indexOf(file);
    if (start !== -1) cycles.push([...path.slice(start), file]);
    if (start !== -1 || done.has(file)) return;
    path.push(file);
    for (const { to } of targets.get(file) ?? []) visit(to);
    path.pop();
    done.add(file);
  };
  for (const file of targets.keys()) visit(file);
  return cycles;
}
