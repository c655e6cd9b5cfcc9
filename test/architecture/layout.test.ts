import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { STORE } from './import-rules.ts';
import { brokenNames, foreignTopLevelEntries, longFiles, missingStoreFiles } from './layout-rules.ts';
import { projectFiles, projectRoot } from './project-files.ts';

/** Tests count too: a long test is as hard to read as long code. */
const MAX_LINES = 400;
const files = projectFiles();

test('every store folder has the same files', () => {
  const stores = files.flatMap((file) => STORE.exec(file) ?? []);
  expect(new Set(stores).size).toBeGreaterThanOrEqual(5);
  expect(missingStoreFiles([...new Set(stores)], files)).toEqual([]);
});

test('the top level holds what the architecture names and nothing else', () => {
  expect(foreignTopLevelEntries(files)).toEqual([]);
});

test('every name says what is inside, and files of code are named in kebab-case', () => {
  expect(brokenNames(files)).toEqual([]);
});

test(`no file of code is longer than ${MAX_LINES} lines`, () => {
  const code = files.filter((file) => file.endsWith('.ts'));
  expect(longFiles(code, MAX_LINES, (file) => readFileSync(join(projectRoot, file), 'utf8'))).toEqual([]);
});

test('the checks of the layout can fail', () => {
  expect(missingStoreFiles(['consumers/file'], ['consumers/file/index.ts'])).toContain(
    'consumers/file/mapping.ts',
  );
  expect(foreignTopLevelEntries(['notes.txt', 'src/a.ts', 'core/a.ts', 'README.md'])).toEqual([
    'notes.txt',
    'src',
  ]);
  const broken = [
    'core/utils.ts',
    'helpers/a.ts',
    'core/misc/a.ts',
    'core/common.test.ts',
    'core/camelCase.ts',
  ];
  expect(brokenNames([...broken, 'core/kafka.ts', 'core/x.integration.test.ts', '.ci/run'])).toEqual(broken);
  expect(longFiles(['a.ts', 'b.ts'], 2, (file) => '\n'.repeat(file === 'a.ts' ? 3 : 2))).toEqual([
    'a.ts: 3 lines',
  ]);
});
