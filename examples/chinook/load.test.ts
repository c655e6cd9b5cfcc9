import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { tablesOnly } from './load.ts';

test('the statements that drop, make and enter a database are left out, and nothing else', async () => {
  const script = await readFile(new URL('chinook.sql', import.meta.url), 'utf8');
  const kept = new Set(tablesOnly(script).split('\n'));
  expect(script.split('\n').filter((line) => !kept.has(line))).toEqual([
    'DROP DATABASE IF EXISTS chinook;',
    'CREATE DATABASE chinook;',
    '\\c chinook;',
  ]);
});
