import { expect, test } from 'vitest';
import { createTable, createView, quoteName } from './statements.ts';

test('a name with backticks and backslashes stays one identifier', () => {
  expect(quoteName('a`b\\c"d')).toBe('`a\\`b\\\\c"d`');
});

test('a table is ordered by its key in the order of the key', () => {
  expect(createTable('t', [{ name: 'a', type: 'Int32' }], ['b', 'a'])).toMatch(
    /^CREATE TABLE IF NOT EXISTS `t` \(`a` Int32\) ENGINE = ReplacingMergeTree\(__pos, __deleted\) ORDER BY \(`b`, `a`\)/,
  );
});

test('the view reads with FINAL and without a condition that could drop tombstones first', () => {
  expect(createView('t', ['a', 'b'])).toBe(
    'CREATE OR REPLACE VIEW `t_current` AS SELECT `a`, `b` FROM `t` FINAL',
  );
});
