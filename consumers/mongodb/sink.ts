import { MongoClient, MongoServerError, type Db } from 'mongodb';
import { toError } from '../../core/errors.ts';
import type { Sink, SinkContext, Target, Write, WriteOutcome } from '../sink.ts';
import { databaseOf, type MongodbOptions } from './config.ts';
import { applyWrites } from './guarded-writes.ts';
import {
  assertStorable,
  mapWrite,
  TOMBSTONES,
  truncateId,
  type MappedWrite,
  type RowDocument,
  type Tombstone,
} from './mapping.ts';
import { truncateRows } from './truncate.ts';

const SELECTION_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 60_000;

/** Bounds one bulk request; more gives no more speed. */
const BATCH_WRITES = 1_000;

const NAMESPACE_EXISTS = 48;

/** Documents in the collection of their table, guarded by `__pos`. Layout and rules: README.md beside this file. */
export function createMongodbSink(options: MongodbOptions, _context: SinkContext): Sink {
  const client = new MongoClient(options.url, {
    ...(options.username !== undefined && {
      auth: {
        username: options.username,
        ...(options.password !== undefined && { password: options.password }),
      },
    }),
    appName: 'tailrace',
    serverSelectionTimeoutMS: SELECTION_TIMEOUT_MS,
    connectTimeoutMS: SELECTION_TIMEOUT_MS,
    socketTimeoutMS: REQUEST_TIMEOUT_MS,
    // Offsets are committed on what this acknowledges, so it must survive the loss of a server.
    writeConcern: { w: 'majority', journal: true },
    readPreference: 'primary',
  });
  const db = client.db(databaseOf(options));
  const tombstones = db.collection<Tombstone>(TOMBSTONES);

  return {
    async connect() {
      await client.connect();
      // Anybody may ping; this needs a user who may read the database.
      await tombstones.findOne({}, { projection: { _id: 1 } });
    },

    async prepare(targets: readonly Target[]) {
      for (const target of targets) assertStorable(target);
      for (const name of [TOMBSTONES, ...targets.map((target) => target.name)])
        await createCollection(db, name);
    },

    async write(writes: readonly Write[]) {
      const mapped = writes.map(mapOrError);
      const byCollection = Map.groupBy(
        mapped.filter((write): write is MappedWrite => !(write instanceof Error)),
        ({ collection }) => collection,
      );
      const outcomes = new Map<MappedWrite, WriteOutcome>();
      for (const [name, ofCollection] of byCollection) {
        const collections = { rows: db.collection<RowDocument>(name), tombstones };
        for (let start = 0; start < ofCollection.length; start += BATCH_WRITES) {
          const part = ofCollection.slice(start, start + BATCH_WRITES);
          for (const [write, outcome] of await applyWrites(collections, part)) outcomes.set(write, outcome);
        }
      }
      return mapped.map((write) =>
        write instanceof Error
          ? { result: 'rejected', error: write }
          : (outcomes.get(write) ?? { result: 'applied' }),
      );
    },

    async truncate(target, position) {
      const rows = db.collection<RowDocument>(target.name);
      await truncateRows({ rows, tombstones }, truncateId(target), position);
    },

    async close() {
      await client.close();
    },
  };
}

/** An Error stands for a write that MongoDB can't take. */
function mapOrError(write: Write): MappedWrite | Error {
  try {
    return mapWrite(write);
  } catch (error) {
    return toError(error);
  }
}

async function createCollection(db: Db, name: string): Promise<void> {
  try {
    await db.createCollection(name);
  } catch (error) {
    if (!(error instanceof MongoServerError) || error.code !== NAMESPACE_EXISTS) throw error;
  }
}
