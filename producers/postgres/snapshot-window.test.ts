import { describe, expect, test } from 'vitest';
import type { TableSchema } from '../../schemas/table-schema.ts';
import { parseTransactionSnapshot, sees, SnapshotWindow, type Chunk } from './snapshot-window.ts';

const table: TableSchema = {
  schema: 'public',
  name: 't',
  columns: [{ name: 'id', type: 'integer', kind: 'int4', nullable: false }],
  key: ['id'],
  foreignKeys: [],
};
const chunk = (id: string, snapshot: string): Chunk => ({
  id,
  oid: 1,
  table,
  rows: [{ id: 1 }, { id: 2 }, { id: 3 }],
  seen: parseTransactionSnapshot(snapshot),
});

describe('sees', () => {
  const snapshot = parseTransactionSnapshot('100:110:100,105');
  test.each([
    [99, true],
    [100, false],
    [101, true],
    [105, false],
    [110, false],
  ])('transaction %i of snapshot 100:110:100,105: %s', (xid, expected) => {
    expect(sees(snapshot, xid)).toBe(expected);
  });

  test('transaction ids that have wrapped are compared by their full value', () => {
    const wrapped = parseTransactionSnapshot('4294967290:4294967300:');
    expect(sees(wrapped, 4294967295)).toBe(true);
    expect(sees(wrapped, 3)).toBe(true);
    expect(sees(wrapped, 4)).toBe(false);
  });
});

describe('SnapshotWindow', () => {
  test('a row that changed between the watermarks is left out', () => {
    const window = new SnapshotWindow();
    window.openingWatermark('a', 1);
    window.transaction(50);
    window.change(1, table, { id: 2 });
    window.change(9, table, { id: 3 });
    expect(window.closingWatermark(chunk('a', '60:60:'))).toStrictEqual([{ id: 1 }, { id: 3 }]);
  });

  test('a transaction streamed before the window that the query did not see makes the chunk be read again', () => {
    const window = new SnapshotWindow();
    window.transaction(50);
    window.change(1, table, { id: 2 });
    window.openingWatermark('a', 1);
    expect(window.closingWatermark(chunk('a', '50:51:50'))).toBeNull();
    window.openingWatermark('b', 1);
    expect(window.closingWatermark(chunk('b', '51:51:'))).toHaveLength(3);
  });

  test('a transaction once seen is never asked for again', () => {
    const window = new SnapshotWindow();
    window.transaction(50);
    window.openingWatermark('a', 1);
    expect(window.closingWatermark(chunk('a', '51:51:'))).toHaveLength(3);
    window.openingWatermark('b', 1);
    // A snapshot that old cannot come later; it shows that transaction 50 was forgotten.
    expect(window.closingWatermark(chunk('b', '40:40:'))).toHaveLength(3);
  });

  test('a transaction that ran when the stream was opened makes the chunk be read again until it is seen', () => {
    const window = new SnapshotWindow([2n ** 32n + 50n]);
    window.openingWatermark('a', 1);
    expect(window.closingWatermark(chunk('a', '4294967346:4294967360:4294967346'))).toBeNull();
    window.openingWatermark('b', 1);
    expect(window.closingWatermark(chunk('b', '4294967360:4294967360:'))).toHaveLength(3);
  });

  test('what a heartbeat has seen is forgotten, and only that', () => {
    const window = new SnapshotWindow();
    window.transaction(50);
    window.transaction(51);
    window.forget(parseTransactionSnapshot('51:60:51'));
    window.openingWatermark('a', 1);
    // Snapshots that see 51 but not 50 show which of the two is still asked for.
    expect(window.closingWatermark(chunk('a', '50:60:50'))).toHaveLength(3);
    window.transaction(52);
    window.openingWatermark('b', 1);
    expect(window.closingWatermark(chunk('b', '52:60:52'))).toBeNull();
  });

  test('a closing watermark without its opening one makes the chunk be read again', () => {
    const window = new SnapshotWindow();
    expect(window.closingWatermark(chunk('a', '60:60:'))).toBeNull();
    window.openingWatermark('b', 1);
    expect(window.closingWatermark(chunk('a', '60:60:'))).toBeNull();
  });
});
