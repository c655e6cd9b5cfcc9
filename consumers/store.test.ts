import { setImmediate as settled } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { TailraceError } from '../core/errors.ts';
import { createLogger } from '../core/logger.ts';
import { createMetrics } from '../core/metrics.ts';
import { StatusReporter } from '../core/status.ts';
import { makeTarget, positionAt, upsert } from '../test/sink-contract-model.ts';
import type { Sink, SinkModule, Write } from './sink.ts';
import { NOTHING } from '../core/planned-effect.ts';
import { Store } from './store.ts';

const target = makeTarget('store', ['id'], { id: { kind: 'int4' } });

class Passing extends Error {}
class Throttled extends Error {}

/** A sink that notes each call, and does what `next` says. */
function noting(next: (call: string) => Promise<void> = () => Promise.resolve()) {
  const calls: string[] = [];
  const note = async (call: string): Promise<void> => {
    calls.push(call);
    await next(call);
  };
  const sink: Sink = {
    connect: () => note('connect'),
    prepare: (targets) => note(`prepare ${targets.length}`),
    write: async (writes) => {
      await note(`write ${writes.length}`);
      return writes.map(() => ({ result: 'applied' }));
    },
    truncate: (_, position) => note(`truncate ${position}`),
    close: () => note('close'),
  };
  const module: SinkModule = {
    options: z.unknown(),
    tableOptions: z.unknown(),
    create: () => sink,
    plan: () => NOTHING,
    query: () => Promise.reject(new Error('nobody asks')),
    classify: (error) => ({
      outcome: error instanceof Throttled ? 'throttle' : error instanceof Passing ? 'retry' : 'stop',
      code: 'SINK_FAILED',
      sentence: 'A sentence.',
    }),
  };
  const store = new Store(sink, {
    name: 'noted',
    module,
    status: new StatusReporter('p', 'sink/noted', () => ({})),
    metrics: createMetrics('p'),
    log: createLogger({ sink: 'noted' }),
    signal: new AbortController().signal,
  });
  return { store, calls };
}

const writesOf = (count: number): Write[] =>
  Array.from({ length: count }, (_, id) => upsert(target, { id }, 1));

test('calls that are made at once reach the sink one after the other', async () => {
  let running = 0;
  let most = 0;
  const { store, calls } = noting(async () => {
    most = Math.max(most, ++running);
    await settled();
    running--;
  });
  await Promise.all([
    store.write(writesOf(1)),
    store.prepare([target]),
    store.truncate(target, positionAt(1)),
    store.write(writesOf(2)),
  ]);
  expect(most).toBe(1);
  expect(calls).toEqual(['write 1', 'prepare 1', `truncate ${positionAt(1)}`, 'write 2']);
});

test('a truncate that fails in passing is tried again, and one that cannot succeed stops', async () => {
  const errors: Error[] = [new Passing(), new Throttled(), new Error('no')];
  const { store, calls } = noting(() => {
    const error = errors.shift();
    return error === undefined ? Promise.resolve() : Promise.reject(error);
  });
  await expect(store.truncate(target, positionAt(1))).rejects.toBeInstanceOf(TailraceError);
  expect(calls).toHaveLength(3);
  await store.truncate(target, positionAt(1));
});

test('a failed call does not hold up the next one', async () => {
  const { store, calls } = noting((call) =>
    call.startsWith('truncate') ? Promise.reject(new Error('no')) : Promise.resolve(),
  );
  const failing = store.truncate(target, positionAt(1));
  const next = store.write(writesOf(1));
  await expect(failing).rejects.toBeInstanceOf(TailraceError);
  expect(await next).toEqual([{ result: 'applied' }]);
  expect(calls).toHaveLength(2);
});

test('a schema is prepared once, and again when that failed', async () => {
  const other = makeTarget('other', ['id'], { id: { kind: 'int4' } });
  const errors: Error[] = [new Error('no')];
  const { store, calls } = noting(() => {
    const error = errors.shift();
    return error === undefined ? Promise.resolve() : Promise.reject(error);
  });
  await expect(store.prepare([target])).rejects.toBeInstanceOf(TailraceError);
  await Promise.all([store.prepare([target]), store.prepare([target, other]), store.prepare([])]);
  expect(calls).toEqual(['prepare 1', 'prepare 1', 'prepare 1']);
});

test('a throttle halves the batches', async () => {
  const errors: Error[] = [new Throttled()];
  const { store, calls } = noting(() => {
    const error = errors.shift();
    return error === undefined ? Promise.resolve() : Promise.reject(error);
  });
  await store.write(writesOf(5_000));
  expect(calls).toEqual(['write 5000', 'write 2500', 'write 2500']);
});

test('after a throttle the batches grow again, by a tenth each time', async () => {
  const errors: Error[] = [new Throttled()];
  const { store, calls } = noting(() => {
    const error = errors.shift();
    return error === undefined ? Promise.resolve() : Promise.reject(error);
  });
  for (let batch = 0; batch < 12; batch++) await store.write(writesOf(5_000));
  const sizes = calls.map((call) => Number(call.split(' ')[1]));
  expect(sizes.slice(0, 5)).toEqual([5_000, 2_500, 2_500, 3_026, 1_974]);
  expect(sizes.at(-1)).toBe(5_000);
});
