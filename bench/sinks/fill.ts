import type { SinkMeasure } from '../arguments.ts';
import { until } from '../until.ts';
import type { SinksBench, SinksPipeline } from './pipeline.ts';
import { filledTable } from './rows.ts';
import { TICK_SCHEMA } from './latency.ts';

const FILL_LIMIT_MS = 600_000;

/** A filled topic: rows 1 to `rows` by a snapshot and, where it is one of updates, one update of each behind them. */
export interface Load {
  readonly measure: Exclude<SinkMeasure, 'latency'>;
  readonly table: string;
  readonly rows: number;
  readonly events: number;
}

/** The load that a store with so many events in a full run reads; stores with as many share it. */
export function loadOf(measure: Load['measure'], fullEvents: number, scale: number): Load {
  const events = 2 * Math.max(1, Math.round((fullEvents * scale) / 2));
  return {
    measure,
    table: `${measure}_${events}`,
    rows: measure === 'updates' ? events / 2 : events,
    events,
  };
}

/** Lets the real producer fill the topics of the loads, and stops it: from then on nothing is written. */
export async function fillTopics(
  bench: SinksBench,
  pipeline: SinksPipeline,
  loads: readonly Load[],
): Promise<void> {
  const { source } = pipeline;
  await source.query('SET synchronous_commit = off');
  await source.query(TICK_SCHEMA);
  for (const { table, rows } of loads) {
    bench.say(`writing ${rows.toLocaleString('en-US')} rows of ${table}`);
    await source.query(filledTable(table, rows));
  }
  if (loads.length === 0) return;
  const producer = pipeline.startProducer();
  const arrived = async (load: Load, records: number) => {
    await until(
      bench.signal,
      `${records} records are in the topic of ${load.table}`,
      async () => {
        producer.check();
        return (await pipeline.topic(load.table).count()) >= records ? true : undefined;
      },
      { limitMs: FILL_LIMIT_MS },
    );
  };
  bench.say('the producer fills the topics');
  for (const load of loads) await arrived(load, load.rows);
  for (const { table, rows } of loads.filter(({ measure }) => measure === 'updates')) {
    bench.say(`updating ${rows.toLocaleString('en-US')} rows of ${table}`);
    await source.query(`CALL update_entries('${table}', ${rows})`);
  }
  for (const load of loads) await arrived(load, load.events);
  await producer.stop();
  for (const { table, events } of loads) {
    const found = await pipeline.topic(table).count();
    if (found !== events)
      throw new Error(`the topic of ${table} has ${found} records where ${events} are right`);
  }
}
