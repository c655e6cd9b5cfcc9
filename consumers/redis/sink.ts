import type { Sink, SinkContext, Target, Write } from '../sink.ts';
import type { RedisOptions, RedisTableOptions } from './config.ts';
import { layoutOf, type Layout } from './layout.ts';
import { runWrites } from './pipeline.ts';
import { warnOfLosses } from './losses.ts';
import { assertRights } from './rights.ts';
import { openServers } from './servers.ts';
import { assertColumns, assertLayout } from './structure.ts';
import { truncateRows } from './truncate.ts';

/** Hashes or strings `<name>:<key>`, written by guarded scripts. Layout and rules: README.md beside this file. */
export function createRedisSink(
  options: RedisOptions,
  { log, tableOptions }: SinkContext<RedisTableOptions>,
): Sink {
  const servers = openServers(options, log);
  const layouts = new WeakMap<Target, Layout>();

  const layoutFor = (target: Target): Layout => {
    let layout = layouts.get(target);
    if (layout === undefined)
      layouts.set(target, (layout = layoutOf(target, tableOptions(target.table), options)));
    return layout;
  };

  const orDrop = async <Result>(call: () => Promise<Result>): Promise<Result> => {
    try {
      return await call();
    } catch (error) {
      servers.drop();
      throw error;
    }
  };

  return {
    connect() {
      return orDrop(async () => {
        const redis = await servers.first();
        await redis.ping();
        await warnOfLosses(redis, log);
      });
    },

    prepare(targets: readonly Target[]) {
      return orDrop(async () => {
        for (const target of targets) {
          const own = tableOptions(target.table);
          assertColumns(target.table, own);
          const { names } = layoutFor(target);
          const redis = await servers.of(names);
          await assertRights(redis, names, own);
          await assertLayout(redis, target, names, own);
        }
      });
    },

    write(writes: readonly Write[]) {
      return orDrop(() => runWrites(servers, writes, ({ target }) => layoutFor(target)));
    },

    truncate(target, position) {
      return orDrop(async () => {
        const layout = layoutFor(target);
        await truncateRows(await servers.of(layout.names), layout, position);
      });
    },

    async close() {
      servers.drop();
    },
  };
}
