import { expect, test } from 'vitest';
import { importsOf } from './imports.ts';

function specifiers(source: string): string[] {
  return importsOf(source).map(({ specifier }) => specifier);
}

test.each([
  ["import './a.ts';", './a.ts'],
  ["import a from './a.ts';", './a.ts'],
  ['import a, { b as c } from "./a.ts";', './a.ts'],
  ["import * as a from './a.ts';", './a.ts'],
  ["import {\n  a, // from './b.ts'\n  from,\n} from './a.ts';", './a.ts'],
  ["import type { A } from './a.ts';", './a.ts'],
  ["import { type A } from './a.ts'", './a.ts'],
  ["import type from './a.ts'", './a.ts'],
  ["export * from './a.ts';", './a.ts'],
  ["export * as a from './a.ts';", './a.ts'],
  ["export { a, type B } from './a.ts';", './a.ts'],
  ["export type { A } from './a.ts';", './a.ts'],
  ["const a = await import('./a.ts');", './a.ts'],
  ['const a = import(\n/* why */ `./a.ts`);', './a.ts'],
  ["type A = typeof import('./a.ts');", './a.ts'],
  ['const a = `${await import("./a.ts")} text`;', './a.ts'],
  ["const a = `${`${{ b: 1 }}`}`; import './a.ts';", './a.ts'],
  ["const a = /['\"`/]/.test(b); import './a.ts';", './a.ts'],
  ["const a = /[/'\"]/u; import './a.ts';", './a.ts'],
  ["const a = b / c; const d = e / f; import './a.ts';", './a.ts'],
  ["const a = (b) / 2; import './a.ts'; // it's", './a.ts'],
  ["return /'/; import './a.ts';", './a.ts'],
])('%j imports %s', (source, specifier) => {
  expect(specifiers(source)).toEqual([specifier]);
});

test.each([
  "// import './a.ts';",
  "/* import a from './a.ts'; */",
  'const a = "import \'./a.ts\'";',
  "const a = `import b from './a.ts'`;",
  "const a = '\\'; import \\'./a.ts\\'';",
  'const a = import.meta.dirname;',
  "a.import('./a.ts');",
  "const a = { import: './a.ts' };",
  'const a = await import(`./${name}/index.ts`);',
  'const a = await import(path);',
  "export const from = './a.ts';",
  "export { a };\nconst b = from('./a.ts');",
  'export default function a() {}',
  "export type A = { from: './a.ts' };",
])('%j imports nothing', (source) => {
  expect(specifiers(source)).toEqual([]);
});

test('an import of types alone is told from one of values', () => {
  const source = `
    import type { A } from './types.ts';
    export type { B } from './types.ts';
    import { type C } from './values.ts';
    import type, { D } from './values.ts';`;
  expect(importsOf(source)).toEqual([
    { specifier: './types.ts', isTypeOnly: true },
    { specifier: './types.ts', isTypeOnly: true },
    { specifier: './values.ts', isTypeOnly: false },
    { specifier: './values.ts', isTypeOnly: false },
  ]);
});
