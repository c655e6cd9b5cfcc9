import { expect, test } from 'vitest';
import type { Target } from '../sink.ts';
import { tableOptionsSchema } from './config.ts';
import { quoteName, quoteText } from './quote.ts';
import { createTable, createView } from './statements.ts';
import { rowsLayout } from './table-layout.ts';

const target: Target = {
  name: 't',
  table: {
    schema: 'public',
    name: 't',
    key: ['b', 'a'],
    columns: [
      { name: 'a', type: 'date', kind: 'date', nullable: false },
      { name: 'b', type: 'bigint', kind: 'int8', nullable: false },
    ],
    foreignKeys: [],
  },
};

const layoutWith = (options: object) => rowsLayout(target, tableOptionsSchema.parse(options));

test('a name or a text with quotes and backslashes stays one', () => {
  expect(quoteName('a`b\\c"d')).toBe('`a\\`b\\\\c"d`');
  expect(quoteText("it's \\")).toBe("'it\\'s \\\\'");
});

test('a table is ordered by its key in the order of the key, and durable', () => {
  expect(createTable(layoutWith({}))).toBe(
    'CREATE TABLE IF NOT EXISTS `t` (`a` Date32, `b` Int64, `__pos` UInt128, `__deleted` UInt8) ' +
      'ENGINE = ReplacingMergeTree(__pos, __deleted) ORDER BY (`b`, `a`) ' +
      'SETTINGS fsync_after_insert = 1, fsync_part_directory = 1',
  );
});

test('order, partition, TTL and settings are those of the config', () => {
  const options = {
    orderBy: ['toYear(a)', 'a', 'b'],
    partitionBy: 'toYYYYMM(a)',
    ttl: 'a + INTERVAL 1 YEAR',
    settings: { index_granularity: 4096, storage_policy: 'cold' },
  };
  expect(createTable(layoutWith(options))).toMatch(
    /PARTITION BY toYYYYMM\(a\) ORDER BY \(toYear\(a\), `a`, `b`\) TTL a \+ INTERVAL 1 YEAR SETTINGS .*, index_granularity = 4096, storage_policy = 'cold'$/,
  );
});

test('the view reads with FINAL and without a condition that could drop tombstones first', () => {
  expect(createView(layoutWith({}), ['a', 'b'])).toBe(
    'CREATE OR REPLACE VIEW `t_current` AS SELECT `a`, `b` FROM `t` FINAL',
  );
});
