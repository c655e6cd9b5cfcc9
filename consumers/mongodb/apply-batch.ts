import { toError } from '../../core/errors.ts';
import type { Write, WriteOutcome } from '../sink.ts';
import { applyWrites, isRefusedByIndex, type Collections } from './guarded-writes.ts';
import type { MappedWrite } from './mapping.ts';

/** Writes of one request. */
const PART_WRITES = 1_000;
/** Requests at work at the same time: one is made while the server is busy with another. Their keys are different ones. */
const LANES = 4;

export interface AppliedBatch {
  /** By the write that it was made of; an Error stands for one that MongoDB can't take. */
  readonly mapped: ReadonlyMap<Write, MappedWrite | Error>;
  /** Of what was not `applied`. */
  readonly outcomes: Map<MappedWrite, WriteOutcome>;
}

/** Maps and applies the writes of all collections. Throws as `Sink.write` does, and then no request is at work any more. */
export async function applyBatch(
  collectionsOf: (name: string) => Collections,
  writes: readonly Write[],
  map: (write: Write) => MappedWrite,
): Promise<AppliedBatch> {
  const mapped = new Map<Write, MappedWrite | Error>();
  const outcomes = new Map<MappedWrite, WriteOutcome>();
  const parts = [...Map.groupBy(writes, ({ target }) => target.name)].flatMap(([name, ofTarget]) =>
    partsOf(ofTarget).map((part) => ({ name, part })),
  );
  await inLanes(parts, async ({ name, part }) => {
    const valid: MappedWrite[] = [];
    for (const write of part) {
      const one = mapOrError(map, write);
      mapped.set(write, one);
      if (!(one instanceof Error)) valid.push(one);
    }
    for (const [write, outcome] of await applyWrites(collectionsOf(name), valid))
      outcomes.set(write, outcome);
  });
  await retryRefused(collectionsOf, outcomes);
  return { mapped, outcomes };
}

/**
 * Tries again what a unique index refused, as long as that helps: the row that had the values may have given them up in the
 * same batch.
 */
async function retryRefused(
  collectionsOf: (name: string) => Collections,
  outcomes: Map<MappedWrite, WriteOutcome>,
): Promise<void> {
  for (let tried = Infinity; ;) {
    const refused = [...outcomes].filter(([, outcome]) => isRefusedByIndex(outcome)).map(([write]) => write);
    if (refused.length === 0 || refused.length >= tried) return;
    tried = refused.length;
    for (const write of refused) outcomes.delete(write);
    // The other way round, since a chain of rows that follow each other is quick in one of the two directions.
    for (const [name, ofCollection] of Map.groupBy(refused.toReversed(), ({ collection }) => collection))
      for (const part of partsOf(ofCollection))
        for (const [write, outcome] of await applyWrites(collectionsOf(name), part))
          outcomes.set(write, outcome);
  }
}

function partsOf<Item>(items: readonly Item[]): Item[][] {
  return Array.from({ length: Math.ceil(items.length / PART_WRITES) }, (_, number) =>
    items.slice(number * PART_WRITES, (number + 1) * PART_WRITES),
  );
}

/** Runs `work` on all items, a few at a time. When one fails, waits for those at work, and throws the first failure. */
async function inLanes<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const left = items.values();
  let hasFailed = false;
  const lane = async (): Promise<void> => {
    for (const item of left) {
      if (hasFailed) return;
      await work(item).catch((error: unknown) => {
        hasFailed = true;
        throw error;
      });
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: LANES }, lane));
  const failed = lanes.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw toError(failed.reason);
}

function mapOrError(map: (write: Write) => MappedWrite, write: Write): MappedWrite | Error {
  try {
    return map(write);
  } catch (error) {
    return toError(error);
  }
}
