import { Redis } from 'ioredis';
import { findsEveryDifference } from './found-differences.ts';
import { keyText } from './hand-written.ts';
import type { HandTable, HandWriter, Texts } from './hand-written.ts';

findsEveryDifference('redis', async (url): Promise<HandWriter> => {
  const redis = new Redis(url);
  return {
    create: async () => undefined,
    put: async (table, row) => {
      const fields = Object.entries(row).filter(([, value]) => value !== null);
      await redis.del(address(table, row));
      await redis.hset(address(table, row), { __pos: '0', ...Object.fromEntries(fields) });
      // As with the sink's options sets and sorted: no rows.
      await redis.sadd(`${table.name}:all`, keyText(table, row));
      await redis.zadd(`${table.name}:latest`, 1, keyText(table, row));
    },
    remove: async (table, row) => {
      await redis.del(address(table, row));
      await redis.set(`__tombstone:${address(table, row)}`, '0', 'EX', 60);
    },
    drop: async (table) => {
      const keys = await redis.keys(`*${table.name}:*`);
      if (keys.length > 0) await redis.del(keys);
    },
    close: async () => {
      await redis.quit();
    },
  };
});

function address(table: HandTable, row: Texts): string {
  return `${table.name}:${keyText(table, row)}`;
}
