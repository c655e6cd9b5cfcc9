import { describe, expect, test } from 'vitest';
import type { TableSchema } from '../../../schemas/table-schema.ts';
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
const closed = (window: SnapshotWindow, id: string, snapshot: string): unknown[] | null => {
  const rows = window.closingWatermark(chunk(id, snapshot));
  return rows === null ? null : [...rows];
};

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
    expect(closed(window, 'a', '60:60:')).toStrictEqual([{ id: 1 }, { id: 3 }]);
  });

  test('a transaction streamed before the window that the query did not see makes the chunk be read again', () => {
    const window = new SnapshotWindow();
    window.transaction(50);
    window.change(1, table, { id: 2 });
    window.openingWatermark('a', 1);
    expect(closed(window, 'a', '50:51:50')).toBeNull();
    window.openingWatermark('b', 1);
    expect(closed(window, 'b', '51:51:')).toHaveLength(3);
  });

  test('a transaction once seen is never asked for again', () => {
    const window = new SnapshotWindow();
    window.transaction(50);
    window.openingWatermark('a', 1);
    expect(closed(window, 'a', '51:51:')).toHaveLength(3);
    window.openingWatermark('b', 1);
    // A snapshot that old cannot come later; it shows that transaction 50 was forgotten.
    expect(closed(window, 'b', '40:40:')).toHaveLength(3);
  });

  test('a transaction that ran when the stream was opened makes the chunk be read again until it is seen', () => {
    const window = new SnapshotWindow([50]);
    window.openingWatermark('a', 1);
    expect(closed(window, 'a', '4294967346:4294967360:4294967346')).toBeNull();
    window.openingWatermark('b', 1);
    expect(closed(window, 'b', '4294967360:4294967360:')).toHaveLength(3);
  });

  test('what a heartbeat has seen is forgotten, and only that', () => {
    const window = new SnapshotWindow([], () => false);
    window.transaction(50);
    window.transaction(51);
    window.forget(parseTransactionSnapshot('51:60:51'));
    window.openingWatermark('a', 1);
    // Snapshots that see 51 but not 50 show which of the two is still asked for.
    expect(closed(window, 'a', '50:60:50')).toHaveLength(3);
    window.transaction(52);
    window.openingWatermark('b', 1);
    expect(closed(window, 'b', '52:60:52')).toBeNull();
  });

  test('a closing watermark without its opening one makes the chunk be read again', () => {
    const window = new SnapshotWindow();
    expect(closed(window, 'a', '60:60:')).toBeNull();
    window.openingWatermark('b', 1);
    expect(closed(window, 'a', '60:60:')).toBeNull();
  });

  test('a missed transaction whose changes were streamed while chunks are read costs only its rows', () => {
    const window = new SnapshotWindow();
    window.openingWatermark('a', 1);
    window.transaction(50);
    window.change(1, table, { id: 2 });
    expect(closed(window, 'a', '50:51:50')).toStrictEqual([{ id: 1 }, { id: 3 }]);
    window.transaction(51);
    window.change(1, table, { id: 3 });
    window.openingWatermark('b', 1);
    expect(closed(window, 'b', '50:51:50')).toStrictEqual([{ id: 1 }]);
    window.openingWatermark('c', 1);
    expect(closed(window, 'c', '52:52:')).toHaveLength(3);
  });

  test('a missed transaction whose changes of this table were not kept makes the chunk be read again', () => {
    const window = new SnapshotWindow();
    window.openingWatermark('a', 7);
    window.transaction(50);
    window.change(1, table, { id: 2 });
    window.openingWatermark('b', 1);
    expect(closed(window, 'b', '50:51:50')).toBeNull();
  });

  test('without a snapshot under way no keys are kept', () => {
    let isWanted = false;
    const window = new SnapshotWindow([], () => isWanted);
    window.openingWatermark('a', 1);
    window.transaction(50);
    window.change(1, table, { id: 2 });
    isWanted = true;
    window.openingWatermark('b', 1);
    expect(closed(window, 'b', '50:51:50')).toBeNull();
  });

  test('a transaction with more changes than are kept makes the chunk be read again', () => {
    const window = new SnapshotWindow();
    window.openingWatermark('a', 1);
    window.transaction(50);
    for (let id = 1; id <= 100_001; id++) window.change(1, table, { id });
    window.openingWatermark('b', 1);
    expect(closed(window, 'b', '50:51:50')).toBeNull();
  });

  test('nothing is left of a chunk when its table was truncated in the window', () => {
    const window = new SnapshotWindow();
    window.openingWatermark('a', 1);
    window.transaction(50);
    window.truncate(9);
    expect(closed(window, 'a', '60:60:')).toHaveLength(3);
    window.openingWatermark('b', 1);
    window.truncate(1);
    expect(closed(window, 'b', '60:60:')).toStrictEqual([]);
    window.openingWatermark('c', 1);
    expect(closed(window, 'c', '60:60:')).toHaveLength(3);
  });
});
