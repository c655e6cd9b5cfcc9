import type { Offsets } from 'kafkajs';
import { expect, test } from 'vitest';
import { createMetrics } from '../core/metrics.ts';
import type { ChangeEvent, Operation } from '../schemas/change-event.ts';
import { makePosition } from '../schemas/position.ts';
import { makeTarget } from '../test/sink-contract-model.ts';
import { apply, type Destinations } from './apply.ts';
import type { Part } from './gatherer.ts';
import { Progress } from './progress.ts';
import type { WriteOutcome } from './sink.ts';

const target = makeTarget('orders', ['id'], { id: { kind: 'int4' } });

function event(op: Operation, id: number, ordinal: number): ChangeEvent {
  const isGone = op === 'd' || op === 't';
  return {
    table: target.table,
    op,
    key: op === 't' ? {} : { id },
    before: null,
    after: isGone ? null : { id },
    position: makePosition(1n, ordinal),
    source: { name: 'p', db: 'd', txId: 1, lsn: 1n, tsUs: 1, snapshot: false },
    tsMs: 0,
  };
}

/** A store of nobody's, which answers each write what `outcomeOf` says of its key; events of id 0 are filtered out. */
async function applied(
  parts: readonly { items: readonly ChangeEvent[]; isCurrent?: boolean }[],
  {
    outcomeOf = () => ({ result: 'applied' }),
    keepsHistory = false,
  }: { outcomeOf?: (id: unknown) => WriteOutcome; keepsHistory?: boolean } = {},
) {
  const calls: string[] = [];
  const committed: Offsets[] = [];
  const metrics = createMetrics('p');
  const destinations: Destinations = {
    routes: {
      routeOf: () => ({ target, apply: (each) => (each.key['id'] === 0 ? [] : [each]) }),
    },
    store: {
      keepsHistory: () => keepsHistory,
      record: (events) => {
        calls.push(`record ${events.length}`);
        return Promise.resolve(events.map(() => ({ result: 'applied' })));
      },
      write: (writes) => {
        calls.push(...writes.map(({ op, key, position }) => `${op} ${String(key['id'])} ${Number(`0x${position.slice(16)}`)}`)); // prettier-ignore
        return Promise.resolve(writes.map(({ key }) => outcomeOf(key['id'])));
      },
      truncate: (_, position) => {
        calls.push(`truncate ${Number(`0x${position.slice(16)}`)}`);
        return Promise.resolve();
      },
    },
  };
  const gathered = parts.map(({ items, isCurrent = true }, partition): Part<ChangeEvent> => ({
    topic: 'p.public.orders',
    partition,
    items,
    bytes: 0,
    nextOffset: BigInt(items.length),
    isCurrent: () => isCurrent,
    commit: (offsets) => {
      committed.push(offsets);
      return Promise.resolve();
    },
  }));
  const progress = new Progress();
  const error = await apply({ progress, metrics, name: 'cache' }, destinations, gathered).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  const { values } = await metrics.sinkEvents.get();
  const counts = Object.fromEntries(values.map(({ labels, value }) => [`${labels.op} ${labels.result}`, value])); // prettier-ignore
  return { calls, committed, counts, error, progress };
}

test('every event is counted as what became of its key', async () => {
  const items = [event('c', 1, 1), event('u', 1, 2), event('u', 2, 3), event('d', 3, 4), event('u', 0, 5)];
  const { calls, counts, progress } = await applied([{ items }], {
    outcomeOf: (id) => ({ result: id === 2 ? 'stale' : 'applied' }),
  });
  expect(calls).toEqual(['upsert 1 2', 'upsert 2 3', 'delete 3 4']);
  expect(counts).toEqual({ 'c applied': 1, 'u applied': 1, 'u stale': 1, 'd applied': 1, 'u filtered': 1 });
  expect(progress.applied).toBe(5);
});

test('a truncate comes behind the writes, and what it takes leaves a tombstone', async () => {
  const items = [event('c', 1, 1), event('t', 1, 2), event('c', 2, 3)];
  const { calls, counts } = await applied([{ items }]);
  expect(calls).toEqual(['upsert 2 3', 'delete 1 2', 'truncate 2']);
  expect(counts).toEqual({ 'c applied': 2, 't applied': 1 });
});

test('where the store keeps a history, it gets every event before the writes', async () => {
  const { calls } = await applied([{ items: [event('c', 1, 1), event('u', 1, 2)] }], { keepsHistory: true });
  expect(calls).toEqual(['record 2', 'upsert 1 2']);
});

test('a rejected row is told with its place, and nothing is committed or counted', async () => {
  const { committed, counts, error, progress } = await applied(
    [{ items: [event('c', 1, 1)] }, { items: [event('c', 2, 2), event('u', 2, 3)] }],
    { outcomeOf: (id) => (id === 2 ? { result: 'rejected', error: new Error('too long') } : { result: 'applied' }) }, // prettier-ignore
  );
  expect(error).toHaveProperty(
    'message',
    `the store can never take the row at position ${makePosition(1n, 3)} of ${target.name} (topic p.public.orders, partition 1): too long`,
  );
  expect(error).toHaveProperty('code', 'SINK_EVENT_REJECTED');
  expect({ committed, counts, applied: progress.applied }).toEqual({ committed: [], counts: {}, applied: 0 });
});

test('the offsets of all partitions are committed at once, but for those fetched before a rebalance', async () => {
  const parts = [
    { items: [event('c', 1, 1)], isCurrent: false },
    { items: [event('c', 2, 2), event('c', 3, 3)] },
    { items: [event('c', 4, 4)] },
  ];
  const { calls, committed } = await applied(parts);
  expect(calls).toHaveLength(4);
  expect(committed).toEqual([
    { topics: [{ topic: 'p.public.orders', partitions: [{ partition: 1, offset: '2' }, { partition: 2, offset: '1' }] }] }, // prettier-ignore
  ]);
  expect((await applied(parts.slice(0, 1))).committed).toEqual([]);
});
