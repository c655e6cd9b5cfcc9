import { TailraceError } from '../core/errors.ts';
import type { ChangeEvent } from '../schemas/change-event.ts';
import type { Position } from '../schemas/position.ts';
import { AT_TRUNCATE, collapse, type Collapsed } from './collapse.ts';
import type { ConsumerContext } from './context.ts';
import { EventCounts } from './event-counts.ts';
import type { Part } from './gatherer.ts';
import type { Routes } from './routes.ts';
import type { Target, TargetEvent, WriteOutcome } from './sink.ts';
import type { Store } from './store.ts';

type Gathered = readonly Part<ChangeEvent>[];
type Context = Pick<ConsumerContext, 'progress' | 'metrics' | 'name'>;

/** Where events go. */
export interface Destinations {
  readonly routes: Pick<Routes, 'routeOf'>;
  readonly store: Pick<Store, 'keepsHistory' | 'record' | 'write' | 'truncate'>;
}

/** One bulk request: transforms, collapse, write, truncate, commit, metrics. */
export async function apply(context: Context, parts: Destinations, gathered: Gathered): Promise<void> {
  const { progress, metrics, name } = context;
  const counts = new EventCounts();
  const events = gathered.flatMap(({ items }) => items);
  const token = progress.begin(events);
  try {
    const mapped = routed(counts, parts, events);
    await record(parts, gathered, mapped);
    const collapsed = collapse(mapped);
    await write(counts, parts, gathered, mapped, collapsed);
    await truncate(counts, parts, collapsed);
    // In the store they are, whatever becomes of the commit: who sees the offsets finds them counted.
    progress.end(token, events);
    counts.addTo(metrics.sinkEvents, name);
    measure(context, events);
    await commit(gathered);
  } finally {
    progress.abandon(token);
  }
}

/** The events that the sink's mapping leaves, with their targets. */
function routed(
  counts: EventCounts,
  { routes }: Destinations,
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
async function record(
  { store }: Destinations,
  gathered: Gathered,
  mapped: readonly TargetEvent[],
): Promise<void> {
  const kept = mapped.filter(({ target }) => store.keepsHistory(target));
  if (kept.length === 0) return;
  const outcomes = await store.record(kept);
  kept.forEach((item, index) => {
    const outcome = outcomeAt(outcomes, index);
    if (outcome.result === 'rejected') throw rejected(gathered, item.target, item.event, outcome.error);
  });
}

async function write(
  counts: EventCounts,
  { store }: Destinations,
  gathered: Gathered,
  mapped: readonly TargetEvent[],
  { writes, writeOf }: Collapsed,
): Promise<void> {
  const outcomes = await store.write(writes);
  const results = writes.map((each, index) => {
    const outcome = outcomeAt(outcomes, index);
    if (outcome.result === 'rejected') throw rejected(gathered, each.target, each, outcome.error);
    return outcome.result;
  });
  mapped.forEach(({ event }, index) => {
    const result = results[writeOf[index] ?? AT_TRUNCATE];
    if (result !== undefined) counts.add(event, result);
  });
}

function outcomeAt(outcomes: readonly WriteOutcome[], index: number): WriteOutcome {
  const outcome = outcomes[index];
  if (outcome === undefined) throw new Error('the sink answered fewer outcomes than it was asked for');
  return outcome;
}

async function truncate(
  counts: EventCounts,
  { store }: Destinations,
  { truncates }: Pick<Collapsed, 'truncates'>,
): Promise<void> {
  for (const { target, position, events } of truncates) {
    await store.truncate(target, position);
    for (const { event } of events) counts.add(event, 'applied');
  }
}

/**
 * Commits once, without kafkajs' retries: while the group rebalances these would go on for seconds, and the group would
 * wait for this member all the while. What was fetched before a rebalance is left to the partition's owner, whose own
 * commits may be further.
 */
async function commit(gathered: Gathered): Promise<void> {
  const current = gathered.filter((part) => part.isCurrent());
  const topics = Map.groupBy(current, ({ topic }) => topic);
  await current[0]?.commit({
    topics: [...topics].map(([topic, parts]) => ({
      topic,
      partitions: parts.map(({ partition, nextOffset }) => ({ partition, offset: String(nextOffset) })),
    })),
  });
}

function measure({ metrics, name, progress }: Context, events: readonly ChangeEvent[]): void {
  metrics.sinkBatchEvents.observe({ sink: name }, events.length);
  metrics.sinkAppliedLsn.set({ sink: name }, Number(progress.appliedLsn));
  const now = Date.now() / 1000;
  const endToEnd = metrics.endToEndSeconds.labels({ sink: name });
  for (const event of events) endToEnd.observe(Math.max(0, now - event.source.tsUs / 1_000_000));
}

function rejected(
  gathered: Gathered,
  target: Target,
  { position }: { readonly position: Position },
  cause: Error,
): TailraceError {
  const part = gathered.find(({ items }) => items.some((event) => event.position === position));
  return new TailraceError(
    'SINK_EVENT_REJECTED',
    `the store can never take the row at position ${position} of ${target.name} ` +
      `(topic ${part?.topic}, partition ${part?.partition}): ${cause.message}`,
    "change the row in Postgres or the sink's transforms so that the store can hold it; the sink goes on from here after a restart",
    { cause },
  );
}
