import { setTimeout as delay } from 'node:timers/promises';
import { Client, errors } from '@elastic/elasticsearch';
import type { EntryRow } from '../rows.ts';
import type { OpenStore, StoreBench } from './store.ts';

const TOO_MANY_REQUESTS = 429;
const MAX_PAUSE_MS = 1_000;

/** Of the same types as those that the sink makes of the columns. */
const PROPERTIES = {
  id: { type: 'long' },
  account_id: { type: 'long' },
  amount: { type: 'double' },
  changed_at: { type: 'date' },
  note: { type: 'text', fields: { keyword: { type: 'keyword', ignore_above: 8191 } } },
} as const;

export const elasticsearch: StoreBench = {
  name: 'elasticsearch',
  events: 1_000_000,
  rateGoal: 12_000,
  latencyGoalMs: 400,
  bulk: { rows: 2_500, inFlight: 2 },
  options: {},
  open: (url): Promise<OpenStore> => {
    const client = new Client({ node: url, requestTimeout: 120_000 });
    const write = async (target: string, rows: readonly EntryRow[]) => {
      const operations = rows.flatMap(({ id, account_id, amount, changed_at, note }) => [
        { index: { _id: String(id) } },
        { id, account_id, amount, changed_at: changed_at.replace(' ', 'T'), note },
      ]);
      const answer = await whileThrottled(() => client.bulk({ index: target, operations }));
      if (answer.errors) throw new Error(`Elasticsearch refused rows of ${target}`);
    };
    return Promise.resolve({
      clear: async (target) => {
        const found = await client.indices.get({ index: `${target}*`, allow_no_indices: true });
        for (const index of Object.keys(found)) await client.indices.delete({ index });
      },
      create: async (target) => {
        await client.indices.create({
          index: target,
          mappings: { dynamic: 'strict', properties: PROPERTIES },
        });
      },
      insert: write,
      replace: write,
      count: async (target) => {
        await client.indices.refresh({ index: target });
        return (await client.count({ index: target })).count;
      },
      // A get by id sees what is acknowledged; a search sees it after the refresh interval of the index, 1 s.
      visible: async (target, ids) => {
        const { docs } = await client.mget({ index: target, ids: ids.map(String), _source: false });
        return ids.filter((_, index) => {
          const found = docs[index];
          return found !== undefined && 'found' in found && found.found;
        });
      },
      [Symbol.asyncDispose]: () => client.close(),
    });
  },
};

/** Two bulks on their way are the fastest, and now and then more than a heap of 512 MB has room for. */
async function whileThrottled<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  for (let pauseMs = 50; ; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS))
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof errors.ResponseError) || error.statusCode !== TOO_MANY_REQUESTS) throw error;
      await delay(pauseMs);
    }
}
