import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectFiles, projectRoot } from '../architecture/project-files.ts';
import { leftoversOf } from './leftovers.ts';

/** Written by others: their words are theirs. */
const FOREIGN_FILES = ['LICENSE', 'package-lock.json', 'examples/chinook/chinook.sql'];

test('no file holds a note of unfinished work, a switched-off test or a switched-off check', () => {
  const found = projectFiles()
    .filter((file) => !FOREIGN_FILES.includes(file))
    .flatMap((file) =>
      leftoversOf(readFileSync(join(projectRoot, file), 'utf8')).map((leftover) => `${file} ${leftover}`),
    );
  expect(found).toEqual([]);
});

test.each([
  ['// TO', 'DO: later'],
  ['# FIX', 'ME'],
  ['test.on', "ly('a', () => {});"],
  ['describe.sk', "ip('a', () => {});"],
  ['test.sk', 'ip.each([1])'],
  ['test.concurrent.on', "ly('a')"],
  ['// @ts-ig', 'nore'],
  ['// oxlint-dis', 'able-next-line no-console'],
])('%s%s is found', (start, end) => {
  expect(leftoversOf(`const a = 1;\n${start}${end}\n`)).toHaveLength(1);
});

test('a test that skips itself with a reason is none', () => {
  expect(leftoversOf("context.skip('needs a real mongod'); stream.skip(3); // what to do")).toEqual([]);
});
