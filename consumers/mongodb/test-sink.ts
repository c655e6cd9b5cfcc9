import { MongoClient } from 'mongodb';
import { expect } from 'vitest';
import { createLogger } from '../../core/logger.ts';
import { keyText } from '../../schemas/key-text.ts';
import type { StoredRow } from '../../test/sink-contract-model.ts';
import type { SinkHarness } from '../../test/sink-contract.ts';
import { tableOptionsOf } from '../../test/table-options.ts';
import type { Sink } from '../sink.ts';
import { databaseOf, optionsSchema } from './config.ts';
import { sink as mongodb } from './index.ts';
import { storedText } from './read-back.ts';

/** What the integration tests of this folder share: sinks on the server of MONGODB_URL, and a reader beside them. */

const given = process.env['MONGODB_URL'];
if (given === undefined) throw new Error('MONGODB_URL is missing: give the address of a MongoDB server');
export const url: string = given;

const reader = new MongoClient(url, { serverSelectionTimeoutMS: 5_000 });
export const db = reader.db(databaseOf(optionsSchema.parse({ url })));

export const closeReader = (): Promise<void> => reader.close();

const context = {
  name: 'test',
  log: createLogger({ sink: 'test' }),
  tableOptions: tableOptionsOf(mongodb, 'test'),
};

export function createSink(options: Record<string, string> = {}): Sink {
  return mongodb.create(mongodb.options.parse({ url, ...options }), context);
}

export const harness: SinkHarness = {
  tellsStale: true,
  // A transform can put any text into a column of jsonb.
  impossibleRow: () => Promise.resolve({ id: 'secret', day: '2024-02-29', body: 'secret' }),
  classify: (error) => mongodb.classify(error),
  async open() {
    const sink = createSink();
    await sink.connect();
    return { sink, close: () => sink.close() };
  },
  async read(target) {
    const rows = new Map<string, StoredRow>();
    const documents = db.collection(target.name).find({}, { promoteValues: false });
    for await (const document of documents) {
      const row: Record<string, string | null> = {};
      for (const column of target.table.columns)
        row[column.name] = storedText(column, document[column.name] ?? null);
      rows.set(keyText(target.table.key, row), row);
    }
    expect(await db.collection(target.name).countDocuments({})).toBe(rows.size);
    return rows;
  },
  async remove(targets) {
    for (const { name } of targets) {
      await db.collection(name).drop();
      await db
        .collection<{ _id: string }>('__tombstones')
        .deleteMany({ $or: [{ _id: name }, { _id: { $gte: `${name}:`, $lt: `${name};` } }] });
    }
  },
};
