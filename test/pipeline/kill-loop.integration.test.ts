import { setTimeout as delay } from 'node:timers/promises';
import { ConfigResourceTypes } from 'kafkajs';
import { expect, test } from 'vitest';
import { randomFor } from '../../examples/random.ts';
import { LOAD_SQL, LOAD_TABLES, proveTopic, runLoad, type Committed, type Proof } from './captured-load.ts';
import { openPipeline, type Pipeline } from './harness.ts';
import { until } from './until.ts';

/** How often the producer is killed; 50 for the proof before a release. */
const KILLS = Number(process.env['TAILRACE_KILLS'] ?? 8);
/** Up to so long after the slot was taken, or after the process was started. */
const LONGEST_LIFE_MS = 1_500;
/** The first ones die while the snapshot is read. */
const SNAPSHOT_LIFE_MS = 800;
const LONGEST_START_MS = 2_500;

async function slotIsRead({ database, slot }: Pipeline): Promise<boolean> {
  const [row] = await database.query<{ active: boolean }>(
    'SELECT active FROM pg_replication_slots WHERE slot_name = $1',
    [slot],
  );
  return row?.active === true;
}

/** Compaction would take away the very records that are counted. */
async function keepAllRecords({ admin, name }: Pipeline): Promise<void> {
  await admin.alterConfigs({
    validateOnly: false,
    resources: LOAD_TABLES.map((table) => ({
      type: ConfigResourceTypes.TOPIC,
      name: `${name}.public.${table}`,
      configEntries: [{ name: 'cleanup.policy', value: 'delete' }],
    })),
  });
}

test(
  `a producer killed ${KILLS} times under load loses nothing and writes nothing twice`,
  async () => {
    await using pipeline = await openPipeline({
      sql: LOAD_SQL,
      source: { snapshotChunkRows: 2_000 },
      partitions: 4,
    });
    // The slot is made before the load begins, so that every change of the load is streamed.
    let producer = pipeline.start('producer');
    await until(
      () => `the slot is read; it wrote: ${producer.stderr().slice(-1500)}`,
      () => slotIsRead(pipeline),
      15_000,
    );
    await keepAllRecords(pipeline);
    const stop = new AbortController();
    const load = runLoad(await pipeline.database.connect(), 5, stop.signal);
    const random = randomFor(23);
    for (let kill = 0; kill < KILLS; kill += 1) {
      // Every third dies while it starts, the others while they stream.
      if (kill % 3 !== 2) {
        await until(
          () => `the slot is read; it wrote: ${producer.stderr().slice(-1500)}`,
          () => slotIsRead(pipeline),
          15_000,
        );
        await delay(random.below(kill < 4 ? SNAPSHOT_LIFE_MS : LONGEST_LIFE_MS));
      } else await delay(random.below(LONGEST_START_MS));
      await producer.end('SIGKILL');
      producer = pipeline.start('producer');
    }
    await until('the last one reads the slot', () => slotIsRead(pipeline));
    stop.abort();
    const committed: Committed = await load;
    await pipeline.untilCaptured();
    const proofs: Record<string, Proof> = {};
    for (const table of LOAD_TABLES) proofs[table] = await proveTopic(pipeline, table, committed);
    process.stderr.write(`${KILLS} kills: ${JSON.stringify(proofs)}\n`);
    for (const [table, { lost, duplicated, reread }] of Object.entries(proofs))
      expect({ table, lost, duplicated, reread }).toEqual({ table, lost: 0, duplicated: 0, reread: 0 });
    expect(Object.values(proofs).reduce((sum, { records }) => sum + records, 0)).toBeGreaterThan(40_000);
  },
  120_000 + KILLS * 15_000,
);
