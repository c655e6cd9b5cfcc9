import { expect, test } from 'vitest';
import type { TableSchema } from '../../schemas/table-schema.ts';
import { POSITION_COLUMN } from '../postgres/tables/catalog.ts';
import type { SnapshotTable } from '../postgres/snapshot/chunk-query.ts';
import type { ReadChunk } from '../postgres/snapshot/snapshot.ts';
import {
  afterRequest,
  SNAPSHOT_START,
  type SnapshotProgress,
} from '../postgres/snapshot/snapshot-progress.ts';
import { parseTransactionSnapshot } from '../postgres/snapshot/snapshot-window.ts';
import { SnapshotQueue } from './snapshot-queue.ts';

const MEGABYTE = 1024 * 1024;

function tableOf(oid: number, key = 'id'): SnapshotTable {
  const columns: TableSchema['columns'] = [{ name: key, type: 'text', kind: 'text', nullable: false }];
  return { oid, table: { schema: 'public', name: `t${oid}`, columns, key: [key], foreignKeys: [] } };
}

let count = 0;
/** Lets the queue's next table give a chunk of so many rows. */
function read(
  queue: SnapshotQueue,
  rowCount: number,
  options: { byteLength?: number; done?: boolean } = {},
): ReadChunk {
  const job = queue.next();
  if (job === undefined) throw new Error('there is nothing to read');
  const { cursor, of } = job;
  const chunk: ReadChunk = {
    chunk: {
      id: String((count += 1)),
      oid: of.oid,
      table: of.table,
      rows: [],
      seen: parseTransactionSnapshot('1:1:'),
    },
    next: {
      ...cursor,
      lastKey: [String(cursor.rows + rowCount)],
      rows: cursor.rows + rowCount,
      done: options.done === true,
    },
    place: () => null,
    rowCount,
    byteLength: options.byteLength ?? rowCount * 100,
  };
  queue.pend(job, chunk, queue.generation);
  return chunk;
}

const progressOf = (queue: SnapshotQueue): SnapshotProgress[] => queue.jobs.map(({ progress }) => progress);

test('chunks are read ahead, and the progress follows those that are written, in order', () => {
  const queue = new SnapshotQueue(10);
  queue.put(tableOf(1), SNAPSHOT_START);
  const [first, second] = [read(queue, 10), read(queue, 10)];
  expect(queue.chunk(first.chunk.id)).toBe(first);
  expect(progressOf(queue)).toMatchObject([{ rows: 0 }]);
  expect(queue.written(first)?.progress).toMatchObject({ rows: 10, lastKey: ['10'] });
  expect(queue.written(second)?.progress).toMatchObject({ rows: 20, lastKey: ['20'] });
  expect(queue.chunk(first.chunk.id)).toBeUndefined();
});

test('the next table is read while the last chunk of the one before is on its way', () => {
  const queue = new SnapshotQueue(10);
  queue.put(tableOf(1), SNAPSHOT_START);
  queue.put(tableOf(2), SNAPSHOT_START);
  const last = read(queue, 3, { done: true });
  expect(queue.next()?.of.oid).toBe(2);
  queue.written(last);
  expect(queue.jobs.map(({ of }) => of.oid)).toStrictEqual([2]);
});

test('a chunk that must be read again takes those behind it along, of all tables', () => {
  const queue = new SnapshotQueue(10);
  queue.put(tableOf(1), SNAPSHOT_START);
  queue.put(tableOf(2), SNAPSHOT_START);
  queue.written(read(queue, 10));
  const dropped = [read(queue, 3, { done: true }), read(queue, 10)];
  queue.drop();
  for (const chunk of dropped) {
    expect(queue.chunk(chunk.chunk.id)).toBeUndefined();
    expect(queue.written(chunk)).toBeUndefined();
  }
  expect(queue.next()).toMatchObject({ of: { oid: 1 }, cursor: { rows: 10 } });
  expect(progressOf(queue)).toMatchObject([{ rows: 10 }, { rows: 0 }]);
});

test('a chunk that was being read while others were dropped is not taken', () => {
  const queue = new SnapshotQueue(10);
  queue.put(tableOf(1), SNAPSHOT_START);
  const { generation } = queue;
  const job = queue.next();
  const chunk = read(queue, 10);
  queue.drop();
  if (job === undefined) throw new Error('there was nothing to read');
  expect(queue.pend(job, chunk, generation)).toBe(false);
  expect(queue.next()?.cursor.rows).toBe(0);
});

test('what is on its way is bounded in chunks and in bytes', () => {
  const narrow = new SnapshotQueue(10);
  narrow.put(tableOf(1), SNAPSHOT_START);
  for (let chunks = 0; chunks < 8; chunks++) read(narrow, 10);
  expect(narrow.next()).toBeUndefined();
  const wide = new SnapshotQueue(10);
  wide.put(tableOf(1), SNAPSHOT_START);
  const first = read(wide, 1, { byteLength: 5 * MEGABYTE });
  read(wide, 1, { byteLength: 3 * MEGABYTE });
  expect(wide.next()).toBeUndefined();
  wide.written(first);
  expect(wide.next()).toBeDefined();
});

test('a chunk grows step by step to the limit of rows, and shrinks where rows are wide', () => {
  const queue = new SnapshotQueue(20_000);
  queue.put(tableOf(1), SNAPSHOT_START);
  const sizes = [500, 4_000, 20_000, 20_000].map((size) => {
    queue.written(read(queue, size));
    return queue.next()?.size;
  });
  expect(sizes).toStrictEqual([4_000, 20_000, 20_000, 20_000]);
  queue.written(read(queue, 20_000, { byteLength: 400 * MEGABYTE }));
  expect(queue.next()?.size).toBe(200);
  queue.written(read(queue, 200, { byteLength: 8_000 * MEGABYTE }));
  expect(queue.next()?.size).toBe(1);
});

test('a table without key grows in blocks, by what they hold', () => {
  const queue = new SnapshotQueue(5_000);
  queue.put(tableOf(1, POSITION_COLUMN), SNAPSHOT_START);
  expect(queue.next()?.size).toBe(16);
  queue.written(read(queue, 0));
  expect(queue.next()?.size).toBe(128);
  queue.written(read(queue, 10_000));
  expect(queue.next()?.size).toBe(64);
});

test('chunks get larger while the stream is far behind, and small again', () => {
  let now = 0;
  const queue = new SnapshotQueue(10, () => now);
  queue.put(tableOf(1), SNAPSHOT_START);
  const sizes: (number | undefined)[] = [];
  for (const wayMs of [6_000, 6_000, 6_000, 100, 100, 100, 100]) {
    const chunk = read(queue, queue.next()?.size ?? 0);
    now += wayMs;
    queue.written(chunk);
    read(queue, queue.next()?.size ?? 0);
    sizes.push(queue.next()?.size);
    queue.drop();
  }
  expect(sizes).toStrictEqual([20, 40, 80, 40, 20, 10, 10]);
});

test('a request that waited begins when the run before it is done', () => {
  const queue = new SnapshotQueue(10);
  const waiting = afterRequest(SNAPSHOT_START, { id: 'a', where: 'n > 1' }) ?? SNAPSHOT_START;
  queue.put(tableOf(1), waiting);
  const job = queue.written(read(queue, 3, { done: true }));
  expect(job?.progress).toMatchObject({ rows: 0, done: false, request: { id: 'a' } });
  expect(queue.next()?.cursor).toMatchObject({ rows: 0, request: { where: 'n > 1' } });
  queue.written(read(queue, 1, { done: true }));
  expect(queue.jobs).toStrictEqual([]);
});

test('a table that is put again goes on from the new place, and one that is removed is not read', () => {
  const queue = new SnapshotQueue(10);
  queue.put(tableOf(1), SNAPSHOT_START);
  const chunk = read(queue, 10);
  queue.put(tableOf(1), { ...SNAPSHOT_START, lastKey: ['7'], rows: 7 });
  expect(queue.written(chunk)).toBeUndefined();
  expect(queue.next()?.cursor).toMatchObject({ rows: 7 });
  queue.remove(1);
  expect(queue.next()).toBeUndefined();
});
