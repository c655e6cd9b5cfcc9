import { Decimal128, Long, MongoClient } from 'mongodb';
import type { EntryRow } from '../rows.ts';
import type { OpenStore, StoreBench } from './store.ts';

const DATABASE = 'bench_sinks';

export const mongodb: StoreBench = {
  name: 'mongodb',
  events: 1_000_000,
  rateGoal: 15_000,
  latencyGoalMs: 300,
  bulk: { rows: 1_000, inFlight: 2 },
  options: { database: DATABASE },
  open: async (url): Promise<OpenStore> => {
    // As durable as what the sink acknowledges.
    const client = new MongoClient(url, { writeConcern: { w: 'majority', journal: true } });
    await client.connect();
    const database = client.db(DATABASE);
    const collection = (target: string) => database.collection<{ _id: Long }>(target);
    return {
      clear: async () => {
        await database.dropDatabase();
      },
      create: async (target) => {
        await database.createCollection(target);
      },
      insert: async (target, rows) => {
        await collection(target).insertMany(rows.map(documentOf), { ordered: false });
      },
      replace: async (target, rows) => {
        const documents = rows.map(documentOf);
        await collection(target).bulkWrite(
          documents.map(({ _id, ...replacement }) => ({ replaceOne: { filter: { _id }, replacement } })),
          { ordered: false },
        );
      },
      count: (target) => collection(target).countDocuments(),
      visible: async (target, ids) => {
        const found = collection(target).find(
          { _id: { $in: ids.map((id) => Long.fromNumber(id)) } },
          { projection: { _id: 1 } },
        );
        return (await found.toArray()).map(({ _id }) => Number(_id));
      },
      [Symbol.asyncDispose]: () => client.close(),
    };
  },
};

/** The row in the types that the sink gives its columns; a timestamp with microseconds is text. */
function documentOf({ id, account_id, amount, changed_at, note }: EntryRow) {
  const key = Long.fromNumber(id);
  return {
    _id: key,
    id: key,
    account_id,
    amount: Decimal128.fromString(amount),
    changed_at: changed_at.replace(' ', 'T'),
    note,
  };
}
