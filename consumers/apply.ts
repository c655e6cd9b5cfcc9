import { TailraceError } from '../core/errors.ts';
import type { ChangeEvent } from '../schemas/change-event.ts';
import { collapse, type CollapsedTruncate, type CollapsedWrite } from './collapse.ts';
import type { ConsumerContext, Parts } from './context.ts';
import { EventCounts } from './event-counts.ts';
import type { Part } from './gatherer.ts';
import type { TargetEvent } from './sink.ts';

type Gathered = readonly Part<ChangeEvent>[];

/** One bulk request: transforms, collapse, write, truncate, commit, metrics. */
export async function apply(context: ConsumerContext, parts: Parts, gathered: Gathered): Promise<void> {
  const { progress, metrics, name } = context;
  const counts = new EventCounts();
  const events = gathered.flatMap(({ items }) => items);
  const token = progress.begin(events);
  try {
    const mapped = routed(counts, parts, events);
    await record(parts, gathered, mapped);
    const { writes, truncates } = collapse(mapped);
    await write(counts, parts, gathered, writes);
    await truncate(counts, parts, truncates);
    await commit(gathered);
    progress.end(token, events);
    counts.addTo(metrics.sinkEvents, name);
    measure(context, events);
  } finally {
    progress.abandon(token);
  }
}

/** The events that the sink's mapping leaves, with their targets. */
function routed(
  counts: EventCounts,
  { routes }: Parts,
  events: readonly ChangeEvent[],
): readonly TargetEvent[] {
  const kept: TargetEvent[] = [];
  for (const event of events) {
    const route = routes.routeOf(event.table);
    const mapped = route.apply(event);
    if (mapped.length === 0) counts.add(event, 'filtered');
    for (const each of mapped) kept.push({ target: route.target, event: each });
  }
  return kept;
}

/** Every event into the histories that the store keeps, before the writes that stand for them. */
async function record({ store }: Parts, gathered: Gathered, mapped: readonly TargetEvent[]): Promise<void> {
  const outcomes = await store.record(mapped);
  outcomes.forEach((outcome, index) => {
    const event = mapped[index];
    if (outcome.result === 'rejected' && event !== undefined)
      throw rejected(gathered, [event], outcome.error);
  });
}

async function write(
  counts: EventCounts,
  { store }: Parts,
  gathered: Gathered,
  writes: readonly CollapsedWrite[],
): Promise<void> {
  const outcomes = await store.write(writes.map((each) => each.write));
  writes.forEach(({ events }, index) => {
    const outcome = outcomes[index];
    if (outcome === undefined) throw new Error('the sink answered fewer outcomes than writes');
    if (outcome.result === 'rejected') throw rejected(gathered, events, outcome.error);
    for (const { event } of events) counts.add(event, outcome.result);
  });
}

async function truncate(
  counts: EventCounts,
  { store }: Parts,
  truncates: readonly CollapsedTruncate[],
): Promise<void> {
  for (const { target, position, events } of truncates) {
    await store.truncate(target, position);
    for (const { event } of events) counts.add(event, 'applied');
  }
}

/**
 * Commits once, without kafkajs' retries: while the group rebalances these would go on for seconds, and the group would
 * wait for this member all the while.
 */
async function commit(gathered: Gathered): Promise<void> {
  const topics = Map.groupBy(gathered, ({ topic }) => topic);
  await gathered[0]?.commit({
    topics: [...topics].map(([topic, parts]) => ({
      topic,
      partitions: parts.map(({ partition, nextOffset }) => ({ partition, offset: String(nextOffset) })),
    })),
  });
}

function measure({ metrics, name, progress }: ConsumerContext, events: readonly ChangeEvent[]): void {
  metrics.sinkBatchEvents.observe({ sink: name }, events.length);
  metrics.sinkAppliedLsn.set({ sink: name }, Number(progress.appliedLsn));
  const now = Date.now() / 1000;
  const endToEnd = metrics.endToEndSeconds.labels({ sink: name });
  for (const event of events) endToEnd.observe(Math.max(0, now - event.source.tsUs / 1_000_000));
}

function rejected(gathered: Gathered, covered: readonly TargetEvent[], cause: Error): TailraceError {
  const newest = covered.at(-1);
  const part = gathered.find(({ items }) => items.some((event) => event.position === newest?.event.position));
  return new TailraceError(
    'SINK_EVENT_REJECTED',
    `the store can never take the row at position ${newest?.event.position} of ${newest?.target.name} ` +
      `(topic ${part?.topic}, partition ${part?.partition}): ${cause.message}`,
    "change the row in Postgres or the sink's transforms so that the store can hold it; the sink goes on from here after a restart",
    { cause },
  );
}
