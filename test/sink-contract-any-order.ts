import fc from 'fast-check';
import { describe, test } from 'vitest';
import type { Sink, Write } from '../consumers/sink.ts';
import { batchesOf, CONCURRENT_RUNS, deliveries, HISTORY_RUNS } from './sink-contract-histories.ts';
import { historyTargets } from './sink-contract-key-changes.ts';
import type { SinkHarness } from './sink-contract-harness.ts';
import { openContract } from './sink-contract-setup.ts';

/** Thousands of small requests: a slow server on a busy machine takes minutes. */
const LIMIT_MS = 400_000;

/** The part of the contract of `Sink` that is about writes in any order, again and by two writers at once. */
export function anyOrderContract(name: string, harness: SinkHarness): void {
  describe(`${name} takes writes in any order`, () => {
    const targets = historyTargets('histories');
    const store = openContract(harness, [...targets]);
    let runs = 0;

    const expectStored = async (writes: readonly Write[]): Promise<void> => {
      for (const target of targets)
        await store.expectStored(
          target,
          writes.filter((write) => write.target === target),
        );
    };

    test(
      'any order and repetition of 500 histories ends in the same state',
      async () => {
        await fc.assert(
          fc.asyncProperty(deliveries, async (all) => {
            const batches = batchesOf(targets, all, ++runs);
            for (const batch of batches) await store.write(batch);
            await expectStored(batches.flat());
          }),
          { numRuns: HISTORY_RUNS },
        );
      },
      LIMIT_MS,
    );

    test(
      'two sinks that write at once end in the same state',
      async () => {
        await fc.assert(
          fc.asyncProperty(deliveries, async (all) => {
            const batches = batchesOf(targets, all, ++runs);
            const half = async (writer: Sink, parity: number): Promise<void> => {
              for (const [index, batch] of batches.entries())
                if (index % 2 === parity) await store.write(batch, writer);
            };
            await Promise.all([half(store.sink(0), 0), half(store.sink(1), 1)]);
            await expectStored(batches.flat());
          }),
          // Timing decides here, so a smaller example would prove nothing.
          { numRuns: CONCURRENT_RUNS, endOnFailure: true },
        );
      },
      LIMIT_MS,
    );
  });
}
