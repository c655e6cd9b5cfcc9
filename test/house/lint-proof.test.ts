import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { projectRoot } from '../architecture/project-files.ts';

// Each bug passes the compiler, so only the linter with the project's settings can find it.
const BUGS = {
  'floating-promise.ts': 'async function save(): Promise<void> {\n  await Promise.resolve();\n}\n\nsave();\n',
  'any.ts': "export const value = JSON.parse('1') as any;\n",
  'console.ts': "console.log('here');\n",
  'clean.ts': 'export async function save(): Promise<void> {\n  await Promise.resolve();\n}\n',
};

const report = z.object({ diagnostics: z.array(z.object({ code: z.string(), filename: z.string() })) });
let folder = '';
let exitCode = 0;
let rules: Record<string, string[]> = {};

// Inside the project, since tsconfig.json and the linter's settings hold for files below them.
beforeAll(async () => {
  folder = mkdtempSync(join(projectRoot, 'test', 'house', 'planted-'));
  // Neither git nor a check that runs meanwhile shall see the bugs; the linter is given them by name.
  writeFileSync(join(folder, '.gitignore'), '*\n');
  for (const [name, source] of Object.entries(BUGS)) writeFileSync(join(folder, name), source);
  const files = Object.keys(BUGS).map((name) => join(folder, name));
  const run = await runLinter(['--type-aware', '--deny-warnings', '--format', 'json', ...files]);
  exitCode = run.exitCode;
  const { diagnostics } = report.parse(JSON.parse(run.output));
  rules = Object.fromEntries(
    Object.keys(BUGS).map((name) => [
      name,
      diagnostics.filter(({ filename }) => filename.endsWith(`/${name}`)).map(({ code }) => code),
    ]),
  );
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function runLinter(args: readonly string[]): Promise<{ exitCode: number; output: string }> {
  const linter = join(projectRoot, 'node_modules', '.bin', 'oxlint');
  return new Promise((resolve) => {
    execFile(linter, args, { cwd: projectRoot }, (error, output) =>
      resolve({ exitCode: typeof error?.code === 'number' ? error.code : 0, output }),
    );
  });
}

test('a promise that nobody awaits fails the lint', () => {
  expect(exitCode).toBe(1);
  expect(rules['floating-promise.ts']).toEqual([expect.stringContaining('(no-floating-promises)')]);
});

test('a cast to any fails the lint', () => {
  expect(rules['any.ts']).toEqual([expect.stringContaining('(no-explicit-any)')]);
});

test('console.log fails the lint', () => {
  expect(rules['console.ts']).toEqual([expect.stringContaining('(no-console)')]);
});

test('the linter finds nothing in code without a bug', () => {
  expect(rules['clean.ts']).toEqual([]);
});
