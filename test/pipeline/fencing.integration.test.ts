import { expect, test } from 'vitest';
import { LOAD_SQL, LOAD_TABLES, proveTopic, runLoad } from './captured-load.ts';
import { openPipeline } from './harness.ts';
import { countRecords } from './kafka.ts';
import { until } from './until.ts';
import type { Worker } from './worker.ts';

/** Longer than the sleep after which a producer gives up its right to write. */
const SENDER_TIMEOUT = '4s';

async function becomes(worker: Worker, state: string): Promise<void> {
  await until(
    () => `the producer is ${state}; it wrote:\n${worker.stderr().slice(-2_000)}`,
    async () => (await worker.status('producer')).state === state,
  );
}

test('a producer that slept while another took over writes nothing behind it, and stands by', async () => {
  await using pipeline = await openPipeline({ sql: LOAD_SQL, partitions: 12 });
  const { database } = pipeline;
  await database.query(`ALTER DATABASE ${database.name} SET wal_sender_timeout = '${SENDER_TIMEOUT}'`);
  const sleeper = pipeline.start('producer');
  await pipeline.untilCaptured();
  const topic = `${pipeline.name}.public.ledger`;
  const stop = new AbortController();
  const load = runLoad(await database.connect(), 6, stop.signal);
  await until('records flow', async () => (await countRecords(pipeline.admin, topic)) > 200);
  process.kill(sleeper.pid, 'SIGSTOP');
  const heir = pipeline.start('producer');
  await becomes(heir, 'running');
  const then = await countRecords(pipeline.admin, topic);
  await until('the heir writes', async () => (await countRecords(pipeline.admin, topic)) > then + 100);
  process.kill(sleeper.pid, 'SIGCONT');
  await becomes(sleeper, 'standby');
  expect((await heir.status('producer')).state).toBe('running');
  stop.abort();
  const committed = await load;
  await pipeline.untilCaptured();
  for (const table of LOAD_TABLES) {
    const proof = await proveTopic(pipeline, table, committed);
    expect({ table, ...proof }).toMatchObject({ table, lost: 0, duplicated: 0 });
  }
  // One session ended, the next one stood by: no loop of crashes.
  const ends = sleeper.log().filter(({ msg }) => msg === 'session ended, trying again');
  expect(ends.map(({ code }) => code)).toEqual([
    expect.stringMatching(/^(PRODUCER_FENCED|SOURCE_UNREACHABLE)$/),
    'SLOT_IN_USE',
  ]);
});
