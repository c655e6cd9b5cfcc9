import { MongoClient, type Document } from 'mongodb';
import { onTestFinished } from 'vitest';
import type { z } from 'zod';
import { createLogger, type Logger } from '../../core/logger.ts';
import { makeTarget } from '../../test/sink-contract-model.ts';
import { tableOptionsOf } from '../../test/table-options.ts';
import type { Sink, Target } from '../sink.ts';
import { databaseOf, optionsSchema, type tableOptionsSchema } from './config.ts';
import { sink as mongodb } from './index.ts';
import type { Family } from './test-embed-histories.ts';

const url = process.env['MONGODB_URL'];
if (url === undefined) throw new Error('MONGODB_URL is missing: give the address of a MongoDB server');
/** For tests: the caller closes it. */
export const client = new MongoClient(url, { serverSelectionTimeoutMS: 5_000 });
export const db = client.db(databaseOf(optionsSchema.parse({ url })));

let tests = 0;

/** Orders and their lines, in collections of their own. A line's key is its own, so that it can move to another order. */
export function family(): Family {
  const label = ++tests;
  const orders = makeTarget(`orders_${label}`, ['id'], { id: { kind: 'int8' }, note: { kind: 'text' } });
  const lines = makeTarget(`lines_${label}`, ['id'], {
    id: { kind: 'int4' },
    order_id: { kind: 'int4' },
    amount: { kind: 'numeric' },
  });
  const foreignKey = {
    name: 'lines_order',
    columns: ['order_id'],
    referencedSchema: 'public',
    referencedTable: orders.table.name,
    referencedColumns: ['id'],
  };
  return { orders, lines: { ...lines, table: { ...lines.table, foreignKeys: [foreignKey] } } };
}

export type Mapping = Record<string, z.input<typeof tableOptionsSchema>>;

/** The config that puts the lines into the orders. */
export const embedded = ({ orders, lines }: Family): Mapping => ({
  [`public.${orders.table.name}`]: { embed: { lines: { table: `public.${lines.table.name}` } } },
});

/** A sink that has prepared these targets; their collections go when the test ends. */
export async function openSink(
  targets: readonly Target[],
  mapping: Mapping,
  log: Logger = createLogger({ sink: 'test' }),
): Promise<Sink> {
  const sink = mongodb.create(mongodb.options.parse({ url }), {
    name: 'test',
    log,
    tableOptions: tableOptionsOf(mongodb, 'test', mapping as never),
  });
  onTestFinished(async () => {
    await sink.close();
    for (const { name } of targets) {
      await db.collection(name).drop();
      await db.collection<{ _id: string }>('__tombstones').deleteMany({
        $or: [{ _id: name }, { _id: { $gte: `${name}:`, $lt: `${name};` } }],
      });
    }
  });
  await sink.connect();
  await sink.prepare(targets);
  return sink;
}

export const documents = (target: Target): Promise<Document[]> =>
  db.collection(target.name).find({}, { promoteValues: false }).toArray();
