import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Sink, Target, Write, WriteOutcome } from '../consumers/sink.ts';
import { keyText } from '../schemas/key-text.ts';
import { batchesOf, CONCURRENT_RUNS, deliveries, HISTORY_RUNS } from './sink-contract-histories.ts';
import {
  expectedRows,
  makeTarget,
  normalizedRows,
  remove,
  upsert,
  type StoredRows,
} from './sink-contract-model.ts';
import type { SinkHarness } from './sink-contract-harness.ts';
import { asRuntime } from './sink-contract-runtime.ts';
import { truncateContract } from './sink-contract-truncates.ts';
import { COMMON_VALUES, KIND_COLUMNS, SPECIAL_VALUES } from './sink-contract-values.ts';

export type { SinkHarness };

const HOSTILE_KEYS = [
  'a:b', 'a\\b', ' leading and trailing ', '"double"', "'single'", '`back`', 'ünï😀', 'line\nbreak', 'tab\t',
  '/slash?query#hash', '{brace}', '[bracket]*', '$dollar', '.dot', '__proto__', 'null', '0', '-- ;drop', '%s%20', '\u0001',
]; // prettier-ignore

/** Runs the contract of `Sink` against a real store. Everything here holds for every sink. */
export function sinkContract(name: string, harness: SinkHarness): void {
  describe(`${name} keeps the sink contract`, () => {
    const people = makeTarget('people', ['id'], {
      id: { kind: 'int8' },
      name: { kind: 'text' },
      step: { kind: 'int4' },
    });
    const pairs = makeTarget('pairs', ['b', 'a'], {
      a: { kind: 'text' },
      b: { kind: 'int8' },
      n: { kind: 'int4' },
    });
    const links = makeTarget('links', ['a', 'b'], { a: { kind: 'text' }, b: { kind: 'text' } });
    const texts = makeTarget('texts', ['id'], { id: { kind: 'text' }, name: { kind: 'text' } });
    const kinds = makeTarget('kinds', ['id'], KIND_COLUMNS);
    const odd = makeTarget('odd', ['Key Col'], {
      'Key Col': { kind: 'int4' },
      select: { kind: 'text' },
      'quo"te': { kind: 'text' },
      'back`tick': { kind: 'text' },
      "apo'strophe": { kind: 'text' },
      ünïcode: { kind: 'text' },
      'semi;colon-dash': { kind: 'text' },
      MixedCase: { kind: 'text' },
    });
    const uuids = makeTarget('uuids', ['id', 'day'], {
      id: { kind: 'uuid' },
      day: { kind: 'date' },
      n: { kind: 'int4' },
    });
    const many = makeTarget('many', ['id'], { id: { kind: 'int4' }, name: { kind: 'text' } });
    const histories = makeTarget('histories', ['id'], {
      id: { kind: 'int8' },
      name: { kind: 'text' },
      step: { kind: 'int4' },
    });
    const targets = [many, histories, people, pairs, links, texts, kinds, odd, uuids];

    let sink: Sink;
    let second: Sink;
    const opened: { close(): Promise<void> }[] = [];
    let usedIds = 0;
    /** An id that no other test has used, so that tests share a target and do not meet. */
    const newId = (): bigint => BigInt(1_000_000 + usedIds++);

    beforeAll(async () => {
      for (const _ of [1, 2]) opened.push(await harness.open());
      const [one, two] = opened as { sink: Sink; close(): Promise<void> }[];
      if (one === undefined || two === undefined) throw new Error('two sinks are needed');
      sink = one.sink;
      second = two.sink;
      await sink.prepare(targets);
    });

    afterAll(async () => {
      await harness.remove(targets);
      for (const one of opened) await one.close();
    });

    const write = (writes: readonly Write[], writer: Sink = sink): Promise<readonly WriteOutcome[]> =>
      asRuntime(harness.classify, () => writer.write(writes));

    const readNormalized = async (target: Target): Promise<StoredRows> =>
      normalizedRows(target, await harness.read(target));

    /** The stored rows of the keys that these writes name, compared with what must be there. */
    const expectStored = async (target: Target, writes: readonly Write[]): Promise<void> => {
      const keys = new Set(writes.map((one) => keyText(target.table.key, one.key)));
      const stored = [...(await readNormalized(target))].filter(([key]) => keys.has(key));
      expect(new Map(stored)).toEqual(expectedRows(target, writes));
    };

    const expectRefused = (outcomes: readonly WriteOutcome[]): void => {
      const allowed = harness.tellsStale ? ['stale'] : ['stale', 'applied'];
      for (const { result } of outcomes) expect(allowed).toContain(result);
    };

    test('preparing again, by two sinks at once, changes nothing', async () => {
      const put = upsert(people, { id: newId(), name: 'kept' }, 1);
      await write([put]);
      await Promise.all([sink.prepare(targets), second.prepare(targets)]);
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

    test('composite keys tell their rows apart and keep the order of the key', async () => {
      const rows = [
        upsert(pairs, { a: 'x:', b: 1n, n: 1 }, 1),
        upsert(pairs, { a: 'x', b: 1n, n: 2 }, 1),
        upsert(pairs, { a: '1', b: 11n, n: 3 }, 1),
        upsert(pairs, { a: '11', b: 1n, n: 4 }, 1),
        upsert(pairs, { a: 'gone', b: 9007199254740993n, n: 5 }, 1),
      ];
      await write(rows);
      const later = [
        remove(pairs, { a: 'gone', b: 9007199254740993n }, 2),
        upsert(pairs, { a: 'x', b: 1n, n: 6 }, 2),
      ];
      await write(later);
      await expectStored(pairs, [...rows, ...later]);
    });

    test('a composite key may be of uuid and date', async () => {
      const id = '0190163d-8694-739b-aea5-966c26f8ad91';
      const rows = [
        upsert(uuids, { id, day: '2024-02-29', n: 1 }, 1),
        upsert(uuids, { id, day: '2024-03-01', n: 2 }, 1),
      ];
      await write(rows);
      const gone = remove(uuids, { id, day: '2024-02-29' }, 2);
      await write([gone]);
      await expectStored(uuids, [...rows, gone]);
    });

    test('a table may have only key columns', async () => {
      const rows = [upsert(links, { a: 'l', b: 'r' }, 1), upsert(links, { a: '', b: 'r' }, 1)];
      await write(rows);
      await expectStored(links, rows);
      const gone = remove(links, { a: 'l', b: 'r' }, 2);
      await write([gone]);
      await expectStored(links, [...rows, gone]);
    });

    test('keys may hold any characters', async () => {
      const rows = HOSTILE_KEYS.map((id) => upsert(texts, { id, name: `name of ${id}` }, 1));
      expect(await write(rows)).toEqual(rows.map(() => ({ result: 'applied' })));
      await expectStored(texts, rows);
      const half = rows.filter((_, index) => index % 2 === 0).map((row) => remove(texts, row.key, 2));
      await write(half);
      await expectStored(texts, [...rows, ...half]);
    });

    test('an empty key is held or rejected, never lost in silence', async () => {
      const row = upsert(texts, { id: '', name: 'empty' }, 1);
      const [outcome] = await write([row]);
      const stored = (await readNormalized(texts)).get('');
      expect(stored).toEqual(outcome?.result === 'applied' ? expectedRows(texts, [row]).get('') : undefined);
    });

    test('null and the empty string stay two things', async () => {
      const rows = [
        upsert(people, { id: newId(), name: null }, 1),
        upsert(people, { id: newId(), name: '' }, 1),
        upsert(people, { id: newId(), name: 'null' }, 1),
      ];
      await write(rows);
      await expectStored(people, rows);
    });

    test('columns may have odd names', async () => {
      const row = {
        ...Object.fromEntries(odd.table.columns.map(({ name: column }) => [column, `of ${column}`])),
        'Key Col': 7,
      };
      const rows = [upsert(odd, row, 1), upsert(odd, { 'Key Col': 8 }, 1)];
      expect(await write(rows)).toEqual([{ result: 'applied' }, { result: 'applied' }]);
      await expectStored(odd, rows);
    });

    test('every kind of value arrives exactly', async () => {
      const rows = COMMON_VALUES.map((values, index) => upsert(kinds, { id: index + 1, ...values }, 1));
      expect(await write(rows)).toEqual(rows.map(() => ({ result: 'applied' })));
      await expectStored(kinds, rows);
    });

    test('a value at the edge of its type is held exactly or rejected alone', async () => {
      const rows = SPECIAL_VALUES.map((values, index) => upsert(kinds, { id: 1000 + index, ...values }, 1));
      const outcomes = await write(rows);
      expect(outcomes).toHaveLength(rows.length);
      const held = rows.filter((_, index) => outcomes[index]?.result === 'applied');
      const stored = await readNormalized(kinds);
      const ids = new Set(rows.map((row) => keyText(kinds.table.key, row.key)));
      expect(new Map([...stored].filter(([key]) => ids.has(key)))).toEqual(expectedRows(kinds, held));
    });

    test('a column that the source adds later is kept', async () => {
      const before = makeTarget('grows', ['id'], { id: { kind: 'int4' }, a: { kind: 'text' } });
      const after = makeTarget('grows', ['id'], {
        id: { kind: 'int4' },
        a: { kind: 'text' },
        b: { kind: 'int8' },
      });
      targets.push(after);
      await sink.prepare([before]);
      await write([upsert(before, { id: 1, a: 'old' }, 1)]);
      await sink.prepare([after]);
      const newer = upsert(after, { id: 2, a: 'new', b: 5n }, 2);
      await write([newer]);
      await expectStored(after, [upsert(after, { id: 1, a: 'old' }, 1), newer]);
    });

    test('columns may be added, dropped and widened, and rows of the older schema may come again', async () => {
      const before = makeTarget('evolves', ['id'], {
        id: { kind: 'int4' },
        kept: { kind: 'text' },
        dropped: { kind: 'text' },
        widened: { kind: 'int4' },
      });
      const after = makeTarget('evolves', ['id'], {
        id: { kind: 'int4' },
        kept: { kind: 'text' },
        widened: { kind: 'int8' },
        added: { kind: 'text' },
      });
      targets.push(after);
      const old = [1, 2, 3].map((id) =>
        upsert(before, { id, kept: `kept ${id}`, dropped: `dropped ${id}`, widened: id }, id),
      );
      await sink.prepare([before]);
      await write(old);
      await sink.prepare([after]);
      const newer = [2, 4].map((id) =>
        upsert(after, { id, kept: 'new', widened: 2n ** 40n, added: 'x' }, 10 + id),
      );
      expect(await write(newer)).toEqual(newer.map(() => ({ result: 'applied' })));
      // A replay, by a process that has prepared the newer schema first, as each does when it starts.
      await second.prepare([after]);
      await second.prepare([before]);
      const late = upsert(before, { id: 5, kept: 'late', dropped: 'late', widened: 5 }, 5);
      const outcomes = await write([...old, late], second);
      expect(outcomes.map(({ result }) => result)).not.toContain('rejected');
      await sink.prepare([after]);

      const expected = [1, 3, 5].map((id) =>
        upsert(after, { id, kept: id === 5 ? 'late' : `kept ${id}`, widened: BigInt(id) }, id),
      );
      await expectStored(after, [...expected, ...newer]);
      // What a newer row no longer has must not linger from the older one.
      const [two] = [...(await harness.read(before))].filter(([key]) => key === '2');
      expect(two?.[1]['dropped'] ?? null).toBeNull();
    });

    test('a batch of many rows is answered row by row', async () => {
      const rows = Array.from({ length: 2500 }, (_, id) => upsert(many, { id, name: `row ${id}` }, 1));
      expect(await write(rows)).toEqual(rows.map(() => ({ result: 'applied' })));
      await expectStored(many, rows);
    });

    let runs = 0;

    test('any order and repetition of 500 histories ends in the same state', async () => {
      await fc.assert(
        fc.asyncProperty(deliveries, async (all) => {
          const batches = batchesOf(histories, all, ++runs);
          for (const batch of batches) await write(batch);
          await expectStored(histories, batches.flat());
        }),
        { numRuns: HISTORY_RUNS },
      );
    });

    test('two sinks that write at once end in the same state', async () => {
      await fc.assert(
        fc.asyncProperty(deliveries, async (all) => {
          const batches = batchesOf(histories, all, ++runs);
          const half = async (writer: Sink, parity: number): Promise<void> => {
            for (const [index, batch] of batches.entries())
              if (index % 2 === parity) await write(batch, writer);
          };
          await Promise.all([half(sink, 0), half(second, 1)]);
          await expectStored(histories, batches.flat());
        }),
        // Timing decides here, so a smaller example would prove nothing.
        { numRuns: CONCURRENT_RUNS, endOnFailure: true },
      );
    });
  });
  truncateContract(name, harness);
}
