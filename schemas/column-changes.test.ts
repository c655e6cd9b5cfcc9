import { expect, test } from 'vitest';
import { columnChanges } from './column-changes.ts';
import type { TableSchema } from './table-schema.ts';

const table = (...columns: [name: string, type: string][]): TableSchema => ({
  schema: 'public',
  name: 't',
  columns: columns.map(([name, type]) => ({ name, type, kind: 'other', nullable: true })),
  key: ['a'],
  foreignKeys: [],
});

test('columns that came, went and became another type', () => {
  const before = table(['a', 'integer'], ['b', 'text'], ['c', 'date']);
  const after = table(['a', 'bigint'], ['c', 'date'], ['d', 'text']);
  expect(columnChanges(before, after)).toEqual(['a becomes bigint', 'adds d text', 'drops b']);
  expect(columnChanges(before, before)).toEqual([]);
});
