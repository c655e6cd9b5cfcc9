import { expect, test } from 'vitest';
import type { EntryRow } from '../rows.ts';
import { STORES } from './stores.ts';

const TARGET = `bench_test_${process.pid}`;

test.each(STORES)('$name takes new rows and replaces them, and is empty again after all', async (store) => {
  const url = process.env[`${store.name.toUpperCase()}_URL`];
  if (url === undefined) throw new Error(`this test needs ${store.name}: set its URL`);
  await using open = await store.open(url);
  await open.create(TARGET);
  try {
    await open.insert(TARGET, rows('first'));
    await open.replace(TARGET, rows('second'));
    expect(await open.count(TARGET)).toBe(10);
  } finally {
    await open.clear(TARGET);
  }
  await open.create(TARGET);
  expect(await open.count(TARGET)).toBe(0);
  await open.clear(TARGET);
});

function rows(note: string): EntryRow[] {
  return Array.from({ length: 10 }, (_, index) => ({
    id: index + 1,
    account_id: index,
    amount: '12.30',
    changed_at: '2026-01-01 00:00:00.001',
    note,
  }));
}
