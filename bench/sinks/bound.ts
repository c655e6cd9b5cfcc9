import { cpuSeconds } from '../process-cost.ts';
import type { ProcessIdentity } from '../../infra/process-tree.ts';
import type { Load } from './fill.ts';
import type { SinksBench } from './pipeline.ts';
import { rowsBetween, type EntryRow } from './rows.ts';
import type { OpenStore, StoreBench } from './stores/store.ts';

const TARGET = 'bench_bound';
const WARM_UP_SHARE = 0.1;

/** One period of rows of each version. */
export type Periods = readonly [filled: readonly EntryRow[], updated: readonly EntryRow[]];

export interface BoundResult {
  readonly seconds: number;
  /** Of the driver, and of the store's server (0 where it is the user's own). */
  readonly cpuSeconds: number;
  readonly storeCpuSeconds: number;
}

/**
 * What the bare driver needs for the rows of a load: its best bulk request, no version, no Kafka. It warms up on a tenth
 * of them, so that neither side meets a cold server.
 */
export async function measureBound(
  bench: SinksBench,
  { bulk, name }: StoreBench,
  store: { open: OpenStore; process: ProcessIdentity | undefined },
  load: Load,
  periods: Periods,
): Promise<BoundResult> {
  const { open } = store;
  const writes = load.measure === 'updates' ? (['insert', 'replace'] as const) : (['insert'] as const);
  const writeAll = async (rows: number) => {
    for (const [version, write] of writes.entries()) {
      const period = periods[version] ?? [];
      await inBulks(bench, rows, bulk, (first, last) =>
        open[write](TARGET, rowsBetween(period, first, last)),
      );
    }
  };
  bench.say(`${name}: ${load.measure}, the bare driver`);
  await open.clear(TARGET);
  await open.create(TARGET);
  await writeAll(Math.ceil(load.rows * WARM_UP_SHARE));
  await open.clear(TARGET);
  await open.create(TARGET);
  const before = costs(store.process);
  await writeAll(load.rows);
  const after = costs(store.process);
  const found = await open.count(TARGET);
  if (found !== load.rows)
    throw new Error(`${name} has ${found} rows of the driver where ${load.rows} are right`);
  await open.clear(TARGET);
  return {
    seconds: (after.atMs - before.atMs) / 1000,
    cpuSeconds: after.driver - before.driver,
    storeCpuSeconds: after.server - before.server,
  };
}

/** Rows 1 to `rows`, so many requests at the same time. */
async function inBulks(
  bench: SinksBench,
  rows: number,
  bulk: StoreBench['bulk'],
  write: (first: number, last: number) => Promise<void>,
): Promise<void> {
  let next = 1;
  const lane = async () => {
    while (next <= rows) {
      bench.signal.throwIfAborted();
      const first = next;
      next = Math.min(rows + 1, first + bulk.rows);
      await write(first, next - 1);
    }
  };
  await Promise.all(Array.from({ length: bulk.inFlight }, lane));
}

function costs(server: ProcessIdentity | undefined): { atMs: number; driver: number; server: number } {
  const { user, system } = process.cpuUsage();
  return {
    atMs: performance.now(),
    driver: (user + system) / 1e6,
    server: server === undefined ? 0 : cpuSeconds(server),
  };
}
