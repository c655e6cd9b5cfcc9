import type { EachBatchPayload } from 'kafkajs';
import type { Type } from 'avsc';
import type { ChangeEvent } from '../schemas/change-event.ts';
import type { ConsumerContext, Parts } from './context.ts';
import { decodeRecord, fingerprintOfRecord, schemaIdsOfRecord, type Schemas } from './decode.ts';
import type { Gatherer } from './gatherer.ts';
import type { Generation } from './generation.ts';

export const HEARTBEAT_INTERVAL_MS = 2_000;

type Batch = EachBatchPayload['batch'];

/** One partition's fetch: decode, hand over to the next bulk request, and stay in the group until there is room for more. */
export async function handleFetch(
  context: ConsumerContext,
  parts: Parts,
  { gatherer, generation }: { gatherer: Gatherer<ChangeEvent>; generation: Generation },
  payload: EachBatchPayload,
): Promise<void> {
  const { batch } = payload;
  if (!payload.isRunning() || payload.isStale()) return;
  const { topic, partition } = batch;
  const { number } = generation;
  generation.assertFollows(topic, partition, fetchedOffset(batch));
  const lastOffset = batch.lastOffset();
  const nextOffset = BigInt(lastOffset) + 1n;
  // A long write or a store that is down must not cost the membership; a lost one shows at the next fetch.
  const beating = setInterval(() => void payload.heartbeat().catch(() => undefined), HEARTBEAT_INTERVAL_MS);
  try {
    const items = await eventsOf(context, parts, batch);
    await gatherer.submit({
      topic,
      partition,
      items,
      bytes: batch.messages.reduce(
        (sum, { key, value }) => sum + (key?.length ?? 0) + (value?.length ?? 0),
        0,
      ),
      nextOffset,
      isCurrent: () => generation.number === number,
      commit: (offsets) => payload.commitOffsetsIfNecessary(offsets),
    });
    // The next fetch begins behind it; what is committed is decided by the bulk request.
    payload.resolveOffset(lastOffset);
    generation.passed(number, topic, partition, nextOffset);
  } finally {
    clearInterval(beating);
  }
}

/** Where a fetch began, which compaction may have made less than its first record's offset; kafkajs' types lack it. */
function fetchedOffset(batch: Batch & { readonly fetchedOffset?: string }): bigint {
  if (batch.fetchedOffset === undefined) throw new TypeError('kafkajs does not tell where a fetch began');
  return BigInt(batch.fetchedOffset);
}

async function eventsOf(context: ConsumerContext, parts: Parts, batch: Batch): Promise<ChangeEvent[]> {
  const { debezium, routes, store } = parts;
  if (debezium === null) return decode(context, await schemasOf(parts, batch), batch);
  return debezium.decode(batch, async () => {
    await routes.load();
    await store.prepare(routes.targets);
  });
}

/** The schemas of a fetch, with the store prepared for the tables as they are now. A sink takes rows of any schema of theirs. */
async function schemasOf({ registry, routes, store }: Parts, { messages }: Batch): Promise<Schemas> {
  const fingerprints = [...new Set(messages.map(fingerprintOfRecord))].filter(
    (fingerprint) => fingerprint !== null,
  );
  // The producer publishes a schema before the first event that names it.
  if (fingerprints.some((fingerprint) => !routes.schemas.has(fingerprint))) {
    await routes.loadUnknown(fingerprints);
    await store.prepare(routes.targets);
  }

  const avroTypes = new Map<number, Type>();
  if (registry !== null) {
    const ids = new Set(messages.flatMap(schemaIdsOfRecord));
    for (const id of ids) avroTypes.set(id, await registry.typeOf(id));
  }
  return { tables: routes.schemas, avroTypes };
}

function decode(context: ConsumerContext, schemas: Schemas, batch: Batch): ChangeEvent[] {
  const events: ChangeEvent[] = [];
  for (const message of batch.messages) {
    const event = decodeRecord(batch.topic, batch.partition, message, schemas);
    if (event === null) {
      countLogicalMessage(context, batch.topic);
      continue;
    }
    // A tombstone right behind its delete says nothing new.
    const isRepeated = message.value === null && events.at(-1)?.position === event.position;
    if (!isRepeated) events.push(event);
  }
  return events;
}

function countLogicalMessage({ metrics, name, loaded }: ConsumerContext, topic: string): void {
  const table = topic.slice(loaded.config.pipeline.length + 1);
  metrics.sinkEvents.inc({ sink: name, table, op: 'm', result: 'filtered' });
}
