import { Redis } from 'ioredis';
import type { EntryRow } from '../rows.ts';
import type { OpenStore, StoreBench } from './store.ts';

const SCAN_COUNT = 5_000;

export const redis: StoreBench = {
  name: 'redis',
  events: 1_000_000,
  rateGoal: 40_000,
  latencyGoalMs: 300,
  bulk: { rows: 1_000, inFlight: 2 },
  options: {},
  open: async (url): Promise<OpenStore> => {
    const client = new Redis(url, { lazyConnect: true });
    await client.connect();
    const write = async (target: string, rows: readonly EntryRow[]) => {
      const pipeline = client.pipeline();
      for (const { id, account_id, amount, changed_at, note } of rows)
        pipeline.hset(
          `${target}:${id}`,
          'id',
          id,
          'account_id',
          account_id,
          'amount',
          amount,
          'changed_at',
          changed_at,
          'note',
          note,
        );
      for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error;
    };
    return {
      clear: async (target) => {
        for await (const keys of scan(client, `*${target}:*`)) if (keys.length > 0) await client.unlink(keys);
      },
      create: () => Promise.resolve(),
      insert: write,
      replace: write,
      count: async (target) => {
        const found = new Set<string>();
        for await (const keys of scan(client, `${target}:*`)) for (const key of keys) found.add(key);
        return found.size;
      },
      visible: async (target, ids) => {
        const pipeline = client.pipeline();
        for (const id of ids) pipeline.exists(`${target}:${id}`);
        const replies = (await pipeline.exec()) ?? [];
        return ids.filter((_, index) => replies[index]?.[1] === 1);
      },
      [Symbol.asyncDispose]: async () => {
        await client.quit();
      },
    };
  },
};

async function* scan(client: Redis, match: string): AsyncGenerator<string[]> {
  let cursor = '0';
  do {
    const [next, keys] = await client.scan(cursor, 'MATCH', match, 'COUNT', SCAN_COUNT);
    yield keys;
    cursor = next;
  } while (cursor !== '0');
}
