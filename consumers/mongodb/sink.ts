import { MongoServerError, type Db } from 'mongodb';
import { TailraceError } from '../../core/errors.ts';
import { qualifiedName } from '../../schemas/table-schema.ts';
import type { Sink, SinkContext, Target, Write, WriteOutcome } from '../sink.ts';
import { applyBatch } from './apply-batch.ts';
import { openClient } from './client.ts';
import { databaseOf, type MongodbOptions, type MongodbTableOptions } from './config.ts';
import { embedWrites, finishMarked, refreshFilled } from './embedded-writes.ts';
import { familiesOf, MARK_FIELD, type Family } from './embedding.ts';
import type { Collections } from './guarded-writes.ts';
import { declaredIndexes, makeIndexes } from './indexes.ts';
import {
  mapWrite,
  type MappedWrite,
  TOMBSTONES,
  truncateId,
  type RowDocument,
  type Tombstone,
} from './mapping.ts';
import { prepareFamily, removeFormerArrays } from './prepare-family.ts';
import { assertStorable } from './storable.ts';
import { prepareTombstones } from './tombstones.ts';
import { truncateRows } from './truncate.ts';

const REQUEST_TIMEOUT_MS = 60_000;

/** What a writer that died left of an array is finished by the next write that is so much later. */
const MARK_AGE_SECONDS = 60;

const NAMESPACE_EXISTS = 48;

/** Documents in the collection of their table, guarded by `__pos`. Layout and rules: README.md beside this file. */
export function createMongodbSink(
  options: MongodbOptions,
  { log, tableOptions }: SinkContext<MongodbTableOptions>,
): Sink {
  const client = openClient(options, {
    socketTimeoutMS: REQUEST_TIMEOUT_MS,
    // Offsets are committed on what this acknowledges, so it must survive the loss of a server.
    writeConcern: { w: 'majority', journal: true },
  });
  const db = client.db(databaseOf(options));
  const tombstones = db.collection<Tombstone>(TOMBSTONES);
  const collectionOf = (name: string) => db.collection<RowDocument>(name);

  /** By the table's name, as prepared last. */
  const prepared = new Map<string, Target>();
  let families: readonly Family[] = [];
  let lastFinishedMs = Date.now();

  const collectionsOf = (name: string): Collections => {
    const family = families.find(({ parents }) => parents === name);
    const keptFields = family?.embeddings.map(({ field }) => field);
    return {
      rows: collectionOf(name),
      tombstones,
      ...(keptFields !== undefined && { keptFields: [...keptFields, MARK_FIELD] }),
    };
  };

  return {
    async connect() {
      await client.connect();
      // Anybody may ping; this needs a user who may read the database.
      await tombstones.findOne({}, { projection: { _id: 1 } });
    },

    async prepare(targets: readonly Target[]) {
      for (const target of targets) {
        assertStorable(target, tableOptions(target.table));
        prepared.set(qualifiedName(target.table), target);
      }
      const embedded = familiesOf([...prepared.values()], tableOptions);
      families = embedded.families;
      // Another process may be about to capture it, and topics of Debezium show their tables one by one.
      for (const table of embedded.missing)
        log.warn(
          { table },
          'a table of embed is not among those that this sink reads; its arrays are not made',
        );
      const indexes = targets.map((target) => declaredIndexes(target, tableOptions(target.table)));
      await createCollection(db, TOMBSTONES);
      await prepareTombstones(tombstones);
      for (const [place, target] of targets.entries()) {
        await createCollection(db, target.name);
        const embeddings = families.find(({ parents }) => parents === target.name)?.embeddings ?? [];
        const { nest } = tableOptions(target.table);
        const columns = target.table.columns.map(({ name }) => name);
        const fields = new Set([...columns, ...Object.keys(nest)]);
        await removeFormerArrays(collectionOf(target.name), embeddings, fields);
        await makeIndexes(collectionOf(target.name), indexes[place] ?? []);
      }
      for (const family of families)
        if (targets.some(({ name }) => isOf(family, name)))
          warnOfTooLarge(family, await prepareFamily(collectionOf, family));
    },

    async write(writes: readonly Write[]) {
      const { mapped, outcomes } = await applyBatch(collectionsOf, writes, (write) =>
        mapWrite(write, tableOptions(write.target.table)),
      );
      const valid = [...mapped.values()].filter((write): write is MappedWrite => !(write instanceof Error));
      for (const family of families) {
        const ofFamily = valid.filter(({ collection }) => isOf(family, collection));
        for (const [write, outcome] of await embedWrites(collectionOf, family, ofFamily))
          outcomes.set(write, outcome);
      }
      await finishNowAndThen();
      return writes.map((write): WriteOutcome => {
        const one = mapped.get(write);
        if (one instanceof Error) {
          // A row with a key that no document can have was never written; any other error must not pass for that.
          const isUnholdable = one instanceof TailraceError && one.code === 'SINK_EVENT_REJECTED';
          return write.op === 'delete' && isUnholdable
            ? { result: 'stale' }
            : { result: 'rejected', error: one };
        }
        return (one && outcomes.get(one)) ?? { result: 'applied' };
      });
    },

    async truncate(target, position) {
      const { rows } = collectionsOf(target.name);
      await truncateRows({ rows, tombstones }, truncateId(target), position, async () => {
        for (const family of families)
          if (family.embeddings.some(({ children }) => children === target.name))
            await refreshFilled(collectionOf, family, target.name);
      });
    },

    async close() {
      await client.close();
    },
  };

  async function finishNowAndThen(): Promise<void> {
    if (Date.now() - lastFinishedMs < MARK_AGE_SECONDS * 1000) return;
    for (const family of families)
      warnOfTooLarge(family, await finishMarked(collectionOf, family, MARK_AGE_SECONDS));
    lastFinishedMs = Date.now();
  }

  function warnOfTooLarge({ parents }: Family, documents: number): void {
    if (documents > 0)
      log.warn(
        { collection: parents, documents },
        'documents would be larger than 16 MB with the rows that embed puts into them; their arrays are old or missing',
      );
  }
}

function isOf({ parents, embeddings }: Family, collection: string): boolean {
  return parents === collection || embeddings.some(({ children }) => children === collection);
}

async function createCollection(db: Db, name: string): Promise<void> {
  try {
    await db.createCollection(name);
  } catch (error) {
    if (!(error instanceof MongoServerError) || error.code !== NAMESPACE_EXISTS) throw error;
  }
}
