import { afterAll, beforeAll, expect } from 'vitest';
import type { Sink, Target, Write, WriteOutcome } from '../consumers/sink.ts';
import { keyText } from '../schemas/key-text.ts';
import type { Position } from '../schemas/position.ts';
import type { SinkHarness } from './sink-contract-harness.ts';
import { expectedRows, normalizedRows, positionAt, type StoredRows } from './sink-contract-model.ts';
import { asRuntime } from './sink-contract-runtime.ts';

/** What each part of the contract does with a store; without `sink` it is the first of those that were opened. */
export interface ContractStore {
  readonly sink: (number?: number) => Sink;
  readonly write: (writes: readonly Write[], sink?: Sink) => Promise<readonly WriteOutcome[]>;
  readonly truncate: (target: Target, step: number, sink?: Sink) => Promise<void>;
  /** Every live row of the target, with texts that mean the same written the same. */
  readonly read: (target: Target) => Promise<StoredRows>;
  /** Compares the stored rows of the keys that these writes name with what must be there. */
  readonly expectStored: (
    target: Target,
    writes: readonly Write[],
    truncates?: readonly Position[],
  ) => Promise<void>;
  readonly expectRefused: (outcomes: readonly WriteOutcome[]) => void;
}

/**
 * Opens sinks for the `describe` that it is called in, prepares the targets, and takes them away at its end. Targets that a
 * test makes are pushed to `targets`.
 */
export function openContract(harness: SinkHarness, targets: Target[], sinks = 2): ContractStore {
  const opened: { sink: Sink; close(): Promise<void> }[] = [];
  beforeAll(async () => {
    for (let count = 0; count < sinks; count++) opened.push(await harness.open());
    await opened[0]?.sink.prepare(targets);
  });
  afterAll(async () => {
    await harness.remove(targets);
    for (const one of opened) await one.close();
  });
  const sink = (number = 0): Sink => {
    const one = opened[number];
    if (one === undefined) throw new RangeError(`no sink ${number} was opened`);
    return one.sink;
  };
  const read = async (target: Target): Promise<StoredRows> =>
    normalizedRows(target, await harness.read(target));
  return {
    sink,
    read,
    write: (writes, writer = sink()) => asRuntime(harness.classify, () => writer.write(writes)),
    truncate: (target, step, writer = sink()) =>
      asRuntime(harness.classify, () => writer.truncate(target, positionAt(step))),
    async expectStored(target, writes, truncates) {
      const keys = new Set(writes.map((one) => keyText(target.table.key, one.key)));
      const stored = [...(await read(target))].filter(([key]) => keys.has(key));
      expect(new Map(stored)).toEqual(expectedRows(target, writes, truncates));
    },
    expectRefused(outcomes) {
      const allowed = harness.tellsStale ? ['stale'] : ['stale', 'applied'];
      for (const { result } of outcomes) expect(allowed).toContain(result);
    },
  };
}
