import type { ClickHouseClient } from '@clickhouse/client';
import { toError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import { select } from './stored-table.ts';

const INTERVAL_MS = 60_000;
/** Active parts of one partition. ClickHouse slows inserts down at 1,000 (`parts_to_delay_insert`); healthy are some tens. */
const MANY_PARTS = 300;

/** Is told which tables were written. */
export type PartsWatch = (tables: Iterable<string>) => Promise<void>;

/** Looks at most once a minute, and warns of each table whose merges do not keep up. Never throws: it only watches. */
export function openPartsWatch(
  client: ClickHouseClient,
  log: Logger,
  now: () => number = Date.now,
): PartsWatch {
  const seen = new Set<string>();
  let nextMs = now() + INTERVAL_MS;
  return async (tables) => {
    for (const table of tables) seen.add(table);
    if (now() < nextMs) return;
    nextMs = now() + INTERVAL_MS;
    try {
      const crowded = await select<{ table: string; parts: number }>(
        client,
        'SELECT table, toUInt32(max(active_parts)) AS parts FROM (SELECT table, count() AS active_parts FROM system.parts ' +
          'WHERE active AND database = currentDatabase() AND table IN {tables:Array(String)} ' +
          'GROUP BY table, partition_id HAVING active_parts > {limit:UInt32}) GROUP BY table',
        { tables: [...seen], limit: MANY_PARTS },
      );
      for (const { table, parts } of crowded)
        log.warn(
          { table, parts },
          'a partition has too many parts: merges do not keep up. Look into system.merges, write fewer and larger batches, or choose a coarser partitionBy',
        );
    } catch (error) {
      log.warn({ reason: toError(error).message }, 'the parts of the tables cannot be watched');
    }
    seen.clear();
  };
}
