import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StoreType } from '../../examples/equality/reader.ts';
import { example } from '../../examples/pursuit/example.ts';
import { openPipeline, type Pipeline } from './harness.ts';
import { whileServerIsDown } from './own-stack.ts';
import { until } from './until.ts';
import type { Worker } from './worker.ts';

/** 60 places, 1,800 contacts, 2 customers. */
const SCALE = 0.0004;
const RATE = 60;
/** How long a store stays away, told by the lag of its sink. */
const OUTAGE_LAG_SECONDS = 20;

const SINKS: Readonly<Record<string, StoreType>> = {
  search: 'elasticsearch',
  analytics: 'clickhouse',
  documents: 'mongodb',
  cache: 'redis',
  graph: 'neo4j',
};
const names = Object.keys(SINKS);

let pipeline: Pipeline;
/** Each sink's own process. */
const workers = new Map<string, Worker>();

beforeAll(async () => {
  pipeline = await openPipeline({
    sinks: SINKS,
    tables: example.tables.map((table) => table.replace('public.', '')),
    avro: true,
  });
  await example.load({ url: pipeline.database.url, scale: SCALE });
  pipeline.start('producer');
  for (const name of names) startSink(name);
  await pipeline.untilCaughtUp();
});

afterAll(() => pipeline[Symbol.asyncDispose]());

function startSink(name: string): Worker {
  const worker = pipeline.start('sink', name);
  workers.set(name, worker);
  return worker;
}

function workerOf(name: string): Worker {
  const worker = workers.get(name);
  if (worker === undefined) throw new Error(`no worker of ${name}`);
  return worker;
}

async function figure(worker: Worker, name: string, of: 'appliedEvents' | 'lagSeconds'): Promise<number> {
  return Number((await worker.status(`sink/${name}`)).details[of]);
}

/** Waits until the worker has written more than it had at the call. */
async function goesOn(worker: Worker, name: string): Promise<void> {
  const before = await figure(worker, name, 'appliedEvents');
  await until(`sink ${name} goes on`, async () => (await figure(worker, name, 'appliedEvents')) > before);
}

/** Runs `work` beside the workload of the example. */
async function withWorkload(work: () => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const workload = example.workload({ url: pipeline.database.url, rate: RATE, signal: stop.signal });
  try {
    await work();
  } finally {
    stop.abort();
    await workload;
  }
}

async function expectAllEqual(): Promise<void> {
  await pipeline.untilCaughtUp();
  await pipeline.expectEqual(example.tables);
}

test('all five stores are equal after the first load', async () => {
  await expectAllEqual();
});

test('each sink that is killed in the middle of the workload goes on, and all five end equal', async () => {
  await withWorkload(async () => {
    for (const name of names) {
      await goesOn(workerOf(name), name);
      expect(await workerOf(name).end('SIGKILL')).toMatchObject({ signal: 'SIGKILL' });
      startSink(name);
    }
    for (const name of names) await goesOn(workerOf(name), name);
  });
  await expectAllEqual();
});

test('two instances of each sink share the work, one is killed, and all five end equal', async () => {
  const second = pipeline.start('sink', ...names);
  await withWorkload(async () => {
    for (const name of names) {
      await goesOn(second, name);
      await goesOn(workerOf(name), name);
    }
    await second.end('SIGKILL');
    for (const name of names) await goesOn(workerOf(name), name);
  });
  await expectAllEqual();
});

test('a store that is down holds back its own sink only, and is caught up by itself', async () => {
  const name = 'cache';
  const others = names.filter((other) => other !== name);
  await withWorkload(async () => {
    await whileServerIsDown('redis', async () => {
      const status = () => workerOf(name).status(`sink/${name}`);
      await until('the sink says that it tries again', async () => (await status()).state === 'retrying');
      expect((await status()).lastError?.code).toBe('SINK_UNREACHABLE');
      let longest = 0;
      await until(`${name} is far behind`, async () => {
        const lags = await Promise.all(others.map((other) => figure(workerOf(other), other, 'lagSeconds')));
        longest = Math.max(longest, ...lags);
        return (await figure(workerOf(name), name, 'lagSeconds')) > OUTAGE_LAG_SECONDS;
      });
      expect(longest).toBeLessThan(await figure(workerOf(name), name, 'lagSeconds'));
      for (const other of others) await goesOn(workerOf(other), other);
    });
    await goesOn(workerOf(name), name);
    expect((await workerOf(name).status(`sink/${name}`)).state).toBe('running');
  });
  await expectAllEqual();
});
