import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Sink, Target, Write } from '../consumers/sink.ts';
import { historyTargets } from './sink-contract-key-changes.ts';
import { makeTarget, positionAt, remove, upsert } from './sink-contract-model.ts';
import { asRuntime } from './sink-contract-runtime.ts';
import { openContract } from './sink-contract-setup.ts';
import {
  recordsOf,
  requestsOf,
  toTheEnd,
  TRUNCATE_RUNS,
  truncatedHistories,
  type Request,
} from './sink-contract-truncate-histories.ts';
import type { SinkHarness } from './sink-contract-harness.ts';

/** The part of the contract of `Sink` that is about `truncate`. */
export function truncateContract(name: string, harness: SinkHarness): void {
  describe(`${name} truncates`, () => {
    const people = makeTarget('emptied', ['id'], {
      id: { kind: 'int8' },
      name: { kind: 'text' },
      step: { kind: 'int4' },
    });
    const neighbour = withSuffix(people, '_old');
    const pairs = makeTarget('emptied_pairs', ['b', 'a'], {
      a: { kind: 'text' },
      b: { kind: 'numeric' },
      at: { kind: 'timestamptz' },
    });
    const histories = historyTargets('emptied_histories');
    const store = openContract(harness, [people, neighbour, pairs, ...histories], 3);
    const { truncate, expectStored } = store;
    let used = 0;
    /** A key and steps that lie above all that were used before, since a truncate reaches every key of the table. */
    const next = (): { id: bigint; at: (step: number) => number } => {
      const base = ++used * 100;
      return { id: BigInt(base), at: (step) => base + step };
    };

    const write = async (writes: readonly Write[], writer?: Sink): Promise<void> => {
      const outcomes = await store.write(writes, writer);
      expect(outcomes.map(({ result }) => result)).not.toContain('rejected');
    };

    const apply = async (requests: readonly Request[], target: Target, writer: Sink): Promise<void> => {
      for (const { writes, truncate: position } of requests) {
        await write(writes, writer);
        if (position !== null) await asRuntime(harness.classify, () => writer.truncate(target, position));
      }
    };

    let runs = 0;
    const nextRecords = (changes: Parameters<typeof recordsOf>[1]): ReturnType<typeof recordsOf> => {
      runs++;
      // Of composite keys only a few, since MongoDB's stand-in finds rows by them slowly.
      return recordsOf(histories[runs % 6 === 0 ? 1 : 0], changes, runs);
    };

    test('a truncate takes the older rows and leaves the newer ones', async () => {
      const { id, at } = next();
      const rows = [1, 2, 4, 5].map((step) => upsert(people, { id: id + BigInt(step), name: 'x' }, at(step)));
      await write(rows);
      await truncate(people, at(3));
      await expectStored(people, rows, [positionAt(at(3))]);
    });

    test('a truncate of a table without rows leaves nothing behind', async () => {
      const { id, at } = next();
      await truncate(neighbour, at(1));
      const row = upsert(neighbour, { id, name: 'first' }, at(2));
      await write([row]);
      await expectStored(neighbour, [row], [positionAt(at(1))]);
      expect((await store.read(neighbour)).size).toBe(1);
    });

    test('an older upsert does not revive a row that a truncate took, even by a sink that was opened later', async () => {
      const { id, at } = next();
      const first = upsert(people, { id, name: 'first' }, at(1));
      const older = upsert(people, { id, name: 'older' }, at(2));
      await write([first]);
      await truncate(people, at(3));
      const later = await harness.open();
      try {
        await later.sink.prepare([people]);
        await write([older], later.sink);
      } finally {
        await later.close();
      }
      await expectStored(people, [first, older], [positionAt(at(3))]);
    });

    test('a row that was deleted before a truncate stays refused up to the truncate', async () => {
      const { id, at } = next();
      const history = [
        upsert(people, { id, name: 'first' }, at(1)),
        remove(people, { id }, at(2)),
        upsert(people, { id, name: 'between' }, at(3)),
      ];
      await write(history.slice(0, 1));
      await write(history.slice(1, 2));
      await truncate(people, at(4));
      await write(history.slice(2));
      await expectStored(people, history, [positionAt(at(4))]);
    });

    test('a truncate again, or an older one, changes nothing', async () => {
      const { id, at } = next();
      const rows = [1, 3].map((step) => upsert(people, { id: id + BigInt(step), name: 'x' }, at(step)));
      const newest = upsert(people, { id: id + 5n, name: 'newest' }, at(5));
      await write(rows);
      await truncate(people, at(4));
      await write([newest]);
      for (const step of [4, 2]) await truncate(people, at(step));
      await expectStored(people, [...rows, newest], [positionAt(at(4))]);
    });

    test('a truncate that is newer than the last one takes what was written between them', async () => {
      const { id, at } = next();
      const rows = [1, 3, 5].map((step) => upsert(people, { id: id + BigInt(step), name: 'x' }, at(step)));
      await write(rows.slice(0, 1));
      await truncate(people, at(2));
      await write(rows.slice(1));
      await truncate(people, at(4));
      await expectStored(people, rows, [positionAt(at(2)), positionAt(at(4))]);
    });

    test('a truncated row comes back with a newer position, can be updated and deleted', async () => {
      const { id, at } = next();
      const truncated = [positionAt(at(2))];
      const history = [upsert(people, { id, name: 'first' }, at(1))];
      await write(history);
      await truncate(people, at(2));
      for (const newer of [
        upsert(people, { id, name: 'again' }, at(3)),
        upsert(people, { id, name: 'updated', step: 1 }, at(4)),
        remove(people, { id }, at(5)),
      ]) {
        history.push(newer);
        await write([newer]);
        await expectStored(people, history, truncated);
      }
    });

    test('a truncate leaves other tables alone, also one whose name begins with its name', async () => {
      const { id, at } = next();
      const own = upsert(people, { id, name: 'own' }, at(1));
      const others = [
        upsert(neighbour, { id, name: 'other' }, at(1)),
        upsert(neighbour, { id: id + 1n, name: 'other' }, at(1)),
      ];
      await write([own, ...others]);
      await truncate(people, at(2));
      await expectStored(people, [own], [positionAt(at(2))]);
      await expectStored(neighbour, others, []);
      const older = upsert(neighbour, { id: id + 2n, name: 'older than the truncate' }, at(1));
      await write([older]);
      await expectStored(neighbour, [...others, older], []);
    });

    test('a truncate takes rows with composite keys of any characters', async () => {
      const { at } = next();
      const rows = ['x:', 'a\\b', '*[x]?', "'; --", 'ünï😀', '__proto__', ' '].map((a, index) =>
        upsert(pairs, { a, b: `${index}.50`, at: '2024-02-29T12:00:00.5Z' }, at(1)),
      );
      await write(rows);
      await truncate(pairs, at(3));
      const older = rows.map((row) => ({ ...row, position: positionAt(at(2)) }));
      await write(older);
      await expectStored(pairs, [...rows, ...older], [positionAt(at(3))]);
      expect((await store.read(pairs)).size).toBe(0);
    });

    test('a truncate of many rows takes all of them', async () => {
      const { id, at } = next();
      // A key of its own range: one truncate reaches more rows than any batch of a sink holds.
      const rows = Array.from({ length: 2500 }, (_, index) =>
        upsert(people, { id: id * 1_000_000n + BigInt(index), name: `row ${index}` }, at(1)),
      );
      const newer = upsert(people, { id, name: 'newer' }, at(3));
      await write([...rows, newer]);
      await truncate(people, at(2));
      await expectStored(people, [...rows, newer], [positionAt(at(2))]);
      expect((await store.read(people)).size).toBe(1);
    });

    test('however partitions are read, histories with truncates end in the same state', async () => {
      await fc.assert(
        fc.asyncProperty(truncatedHistories, async ({ changes, readers: [fetches, , given] }) => {
          const records = nextRecords(changes);
          const { target, writes, truncates } = records;
          // A worker that has lost its partitions; its last request hangs, and comes when all is done.
          const halfWay = requestsOf(records, given);
          await apply(halfWay.slice(0, -1), target, store.sink(2));
          await apply(requestsOf(records, toTheEnd(fetches)), target, store.sink(0));
          await apply(halfWay.slice(-1), target, store.sink(2));
          await expectStored(target, writes, truncates);
        }),
        { numRuns: TRUNCATE_RUNS },
      );
    });

    test('three sinks that write and truncate at once, one of which stops half-way, end in the same state', async () => {
      await fc.assert(
        fc.asyncProperty(truncatedHistories, async ({ changes, readers: [one, two, given] }) => {
          const records = nextRecords(changes);
          const { target, writes, truncates } = records;
          await Promise.all([
            apply(requestsOf(records, toTheEnd(one)), target, store.sink(0)),
            apply(requestsOf(records, toTheEnd(two)), target, store.sink(1)),
            apply(requestsOf(records, given), target, store.sink(2)),
          ]);
          await expectStored(target, writes, truncates);
        }),
        // Timing decides here, so a smaller example would prove nothing.
        { numRuns: TRUNCATE_RUNS, endOnFailure: true },
      );
    });
  });
}

/** A target whose name begins with that of another. */
function withSuffix({ name, table }: Target, suffix: string): Target {
  return { name: name + suffix, table: { ...table, name: table.name + suffix } };
}
