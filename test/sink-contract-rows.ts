import { describe, expect, test } from 'vitest';
import type { SinkHarness } from './sink-contract-harness.ts';
import { makeTarget, remove, upsert } from './sink-contract-model.ts';
import { openContract } from './sink-contract-setup.ts';

/** The part of the contract of `Sink` that is about single writes: what they do, what they refuse, what they answer. */
export function rowContract(name: string, harness: SinkHarness): void {
  describe(`${name} writes rows`, () => {
    const people = makeTarget('people', ['id'], {
      id: { kind: 'int8' },
      name: { kind: 'text' },
      step: { kind: 'int4' },
    });
    const many = makeTarget('many', ['id'], { id: { kind: 'int4' }, name: { kind: 'text' } });
    const refusing = makeTarget('refusing', ['id', 'day'], {
      id: { kind: 'text' },
      day: { kind: 'date' },
      body: { kind: 'jsonb' },
      name: { kind: 'text' },
    });
    const targets = [people, many, refusing];
    const { sink, write, expectStored, expectRefused } = openContract(harness, targets);
    let usedIds = 0;
    /** An id that no other test has used, so that tests share a target and do not meet. */
    const newId = (): bigint => BigInt(1_000_000 + usedIds++);

    test('preparing again, by two sinks at once, changes nothing', async () => {
      const put = upsert(people, { id: newId(), name: 'kept' }, 1);
      await write([put]);
      await Promise.all([sink().prepare(targets), sink(1).prepare(targets)]);
      await expectStored(people, [put]);
    });

    test('an empty batch is answered with no outcomes', async () => {
      expect(await write([])).toEqual([]);
    });

    test('a row is inserted, updated and deleted', async () => {
      const id = newId();
      const insert = upsert(people, { id, name: 'first', step: 1 }, 1);
      const update = upsert(people, { id, name: null, step: 2 }, 2);
      const gone = remove(people, { id }, 3);
      const applied = [insert, update, gone];
      for (const count of [1, 2, 3]) {
        expect(await write(applied.slice(count - 1, count))).toEqual([{ result: 'applied' }]);
        await expectStored(people, applied.slice(0, count));
      }
    });

    test('a delete of a row that is not there leaves nothing behind', async () => {
      const gone = remove(people, { id: newId() }, 5);
      const [outcome] = await write([gone]);
      expect(outcome?.result).not.toBe('rejected');
      await expectStored(people, [gone]);
    });

    test('the same batch twice ends in the same state', async () => {
      const batch = [
        upsert(people, { id: newId(), name: 'one' }, 1),
        upsert(people, { id: newId(), name: 'two' }, 2),
        remove(people, { id: newId() }, 3),
      ];
      await write(batch);
      const outcomes = await write(batch);
      expect(outcomes.map(({ result }) => result)).not.toContain('rejected');
      await expectStored(people, batch);
    });

    test('a stale upsert changes nothing', async () => {
      const id = newId();
      const newer = upsert(people, { id, name: 'newer' }, 5);
      const older = upsert(people, { id, name: 'older', step: 1 }, 4);
      await write([newer]);
      expectRefused(await write([older]));
      await expectStored(people, [newer, older]);
    });

    test('a stale delete changes nothing', async () => {
      const id = newId();
      const newer = upsert(people, { id, name: 'newer' }, 5);
      const older = remove(people, { id }, 4);
      await write([newer]);
      expectRefused(await write([older]));
      await expectStored(people, [newer, older]);
    });

    test('an older upsert does not revive a deleted row, even by a sink that was opened later', async () => {
      const [id, never] = [newId(), newId()];
      await write([upsert(people, { id, name: 'first' }, 1)]);
      await write([remove(people, { id }, 7), remove(people, { id: never }, 7)]);
      const older = [
        upsert(people, { id, name: 'older' }, 6),
        upsert(people, { id: never, name: 'older' }, 6),
      ];
      const later = await harness.open();
      try {
        await later.sink.prepare([people]);
        expectRefused(await write(older, later.sink));
      } finally {
        await later.close();
      }
      await expectStored(people, [...older, remove(people, { id }, 7), remove(people, { id: never }, 7)]);
    });

    test('a newer upsert inserts a deleted row again', async () => {
      const id = newId();
      const history = [
        upsert(people, { id, name: 'first' }, 1),
        remove(people, { id }, 2),
        upsert(people, { id, name: 'again' }, 3),
      ];
      for (const one of history) await write([one]);
      await expectStored(people, history);
    });

    test('a batch of many rows is answered row by row', async () => {
      const rows = Array.from({ length: 2500 }, (_, id) => upsert(many, { id, name: `row ${id}` }, 1));
      expect(await write(rows)).toEqual(rows.map(() => ({ result: 'applied' })));
      await expectStored(many, rows);
    });

    test("an older upsert does not revive a deleted row after the store's own time for deletes", async () => {
      const id = newId();
      const gone = remove(people, { id }, 7);
      await write([upsert(people, { id, name: 'first' }, 1)]);
      await write([gone]);
      await harness.passTombstoneTime?.(people);
      const older = upsert(people, { id, name: 'older' }, 6);
      expectRefused(await write([older]));
      await expectStored(people, [older, gone]);
    });

    test('one bad row is rejected alone, without its values', async () => {
      const good = (id: string, step: number) => upsert(refusing, { id, day: '2024-02-29', name: id }, step);
      const [updated, deleted] = [good('updated', 1), good('deleted', 1)];
      await write([updated, deleted]);
      const bad = { ...(await harness.impossibleRow(refusing)), name: 'a secret' };
      const writes = [
        good('before', 2),
        good('updated', 2),
        upsert(refusing, bad, 2),
        remove(refusing, deleted.key, 2),
        good('after', 2),
      ];
      for (const _ of ['once', 'again']) {
        const outcomes = await write(writes);
        const rejected = outcomes.flatMap((outcome) =>
          outcome.result === 'rejected' ? [outcome.error] : [],
        );
        expect(outcomes.map(({ result }) => result).indexOf('rejected')).toBe(2);
        expect(rejected).toHaveLength(1);
        // The runtime tells the operator this message.
        expect(String(rejected[0])).not.toContain('secret');
        await expectStored(refusing, [updated, deleted, ...writes.toSpliced(2, 1)]);
      }
    });
  });
}
