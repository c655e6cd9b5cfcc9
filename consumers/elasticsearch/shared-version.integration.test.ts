import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makePosition, type Position } from '../../schemas/position.ts';
import { asRuntime } from '../../test/sink-contract-runtime.ts';
import { expectedRows, makeTarget, normalizedRows, remove, upsert } from '../../test/sink-contract-model.ts';
import type { Sink, Write } from '../sink.ts';
import { classify } from './errors.ts';
import { aliasNameOf } from './names.ts';
import { storedRow } from './test-server.ts';
import { newSink, removeIndices, search } from './test-sink.ts';

const COMMIT = 0x9_0000_0000n;

/** One step of a history: all are in two transactions as near as two commits can be, most behind the 65,535th change. */
interface Change {
  readonly key: number;
  readonly step: number;
  readonly isGone: boolean;
}

function positionOf(step: number): Position {
  return step < 8 ? makePosition(COMMIT, 65_532 + step) : makePosition(COMMIT + 40n, 65_532 + step - 8);
}

const deliveries = fc
  .uniqueArray(fc.record({ key: fc.nat(1), step: fc.nat(15), isGone: fc.boolean() }), {
    minLength: 2,
    maxLength: 14,
    selector: ({ step }) => step,
  })
  .chain((history) => {
    const repeated = fc.array(fc.constantFrom(...history), { maxLength: 6 });
    return repeated.chain((again) =>
      fc.shuffledSubarray([...history, ...again], { minLength: history.length + again.length }),
    );
  });

describe('changes of one transaction that share a version', () => {
  const rows = makeTarget('shared', ['id'], { id: { kind: 'int8' }, n: { kind: 'int4' } });
  let sinks: readonly [Sink, Sink];
  let runs = 0;

  beforeAll(async () => {
    sinks = [newSink(), newSink()];
    await sinks[0].prepare([rows]);
  });

  afterAll(async () => {
    await removeIndices([rows]);
    for (const sink of sinks) await sink.close();
  });

  const at = (write: Write, position: Position): Write => ({ ...write, position });
  const writesOf = (delivery: readonly Change[]): Write[] => {
    const run = ++runs;
    return delivery.map(({ key, step, isGone }) => {
      const id = BigInt(run * 10 + key);
      return at(isGone ? remove(rows, { id }, 1) : upsert(rows, { id, n: step }, 1), positionOf(step));
    });
  };
  const expectStored = async (writes: readonly Write[]): Promise<void> => {
    const ids = writes.map(({ key }) => String(key['id']));
    const documents = await search(aliasNameOf(rows.name), { ids: { values: ids } });
    const stored = new Map([...documents].map(([id, document]) => [id, storedRow(rows, document)]));
    expect(normalizedRows(rows, stored)).toEqual(expectedRows(rows, writes));
  };

  test('the newest one stays, whatever comes behind it', async () => {
    const [first, second] = [1, 2].map((n) => upsert(rows, { id: 1n, n }, 1)) as [Write, Write];
    const [older, newer] = [
      at(first, makePosition(COMMIT, 70_000)),
      at(second, makePosition(COMMIT, 70_001)),
    ];
    expect(await sinks[0].write([newer])).toEqual([{ result: 'applied' }]);
    expect(await sinks[0].write([older])).toEqual([{ result: 'stale' }]);
    expect(await sinks[0].write([newer])).toEqual([{ result: 'applied' }]);
    const newest = at(upsert(rows, { id: 1n, n: 3 }, 1), makePosition(COMMIT, 1_000_000));
    expect(await sinks[0].write([newest])).toEqual([{ result: 'applied' }]);
    expect(await sinks[0].write([newer, older].slice(1))).toEqual([{ result: 'stale' }]);
    await expectStored([newest]);
    const next = at(upsert(rows, { id: 1n, n: 4 }, 1), makePosition(COMMIT + 40n, 1));
    expect(await sinks[0].write([next])).toEqual([{ result: 'applied' }]);
    expect(await sinks[0].write([newest])).toEqual([{ result: 'stale' }]);
    await expectStored([next]);
  });

  test('any order and repetition of them ends in the same state', async () => {
    await fc.assert(
      fc.asyncProperty(deliveries, async (delivery) => {
        const writes = writesOf(delivery);
        for (const write of writes) await sinks[0].write([write]);
        await expectStored(writes);
      }),
      { numRuns: 40 },
    );
  });

  test('two sinks that write them at once end in the same state', async () => {
    await fc.assert(
      fc.asyncProperty(deliveries, async (delivery) => {
        const writes = writesOf(delivery);
        await Promise.all(
          sinks.map(async (sink, parity) => {
            for (const [index, write] of writes.entries())
              if (index % 2 === parity) await asRuntime(classify, () => sink.write([write]));
          }),
        );
        await expectStored(writes);
      }),
      { numRuns: 40, endOnFailure: true },
    );
  });

  test('a truncate in the middle of them takes the older ones alone', async () => {
    const writes = [1, 2, 3].map((n) =>
      at(upsert(rows, { id: BigInt(-n), n }, 1), makePosition(COMMIT, 80_000 + n)),
    );
    await sinks[0].write(writes);
    await sinks[0].truncate(rows, makePosition(COMMIT, 80_002));
    expect(await sinks[0].write(writes.slice(0, 1))).toEqual([{ result: 'stale' }]);
    const documents = await search(aliasNameOf(rows.name), { ids: { values: ['-1', '-2', '-3'] } });
    expect([...documents.keys()].toSorted()).toEqual(['-2', '-3']);
  });
});
