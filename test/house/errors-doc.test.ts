import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ERROR_CODES } from '../../core/errors.ts';
import { projectFiles, projectRoot } from '../architecture/project-files.ts';
import { readDocument, sectionsOf } from './document.ts';
import { missingPartsOf, stackCodesIn } from './error-paragraphs.ts';

const sections = sectionsOf(readDocument('errors.md'), '###');

/** The local stack has errors of its own, which it throws without a table of codes. */
const stackCodes = projectFiles()
  .filter((file) => /^infra\/.*\.ts$/.test(file) && !file.endsWith('.test.ts'))
  .flatMap((file) => stackCodesIn(readFileSync(join(projectRoot, file), 'utf8')));

test('every error code has a paragraph, and no paragraph is about another', () => {
  const codes = new Set([...Object.keys(ERROR_CODES), ...stackCodes]);
  expect(stackCodes).toContain('STACK_NOT_UP');
  expect([...sections.keys()].sort()).toEqual([...codes].sort());
});

test.each(Object.entries(ERROR_CODES))(
  'the paragraph of %s has exit code %i, the cause and the fix',
  (code, exit) => {
    expect(missingPartsOf(sections.get(code) ?? '', exit)).toEqual([]);
  },
);

test.each(stackCodes)('the paragraph of %s has an exit code, the cause and the fix', (code) => {
  expect(missingPartsOf(sections.get(code) ?? '', null)).toEqual([]);
});

test('a paragraph that lacks something is found', () => {
  expect(missingPartsOf('Exit code 5. It went wrong.\n**Why:** a slip.\n**Fix:** mend it.\n', 5)).toEqual([]);
  expect(missingPartsOf('Exit code 1. It went wrong.\n**Why:** a slip.\n**Fix:**\n', 5)).toEqual([
    'exit code',
    'fix',
  ]);
  expect(missingPartsOf('', null)).toEqual(['exit code', 'what happened', 'cause', 'fix']);
});

test('codes of the stack are read from the code, however the call is laid out', () => {
  const source =
    "throw new StackError(\n  online ? 'TOOL_MISSING' : 'PLATFORM_UNSUPPORTED',\n  6, 'a', 'b');";
  expect(stackCodesIn(source)).toEqual(['TOOL_MISSING', 'PLATFORM_UNSUPPORTED']);
  expect(stackCodesIn("new StackError('USAGE', 2, 'NOT THIS', 'fix')")).toEqual(['USAGE']);
});
