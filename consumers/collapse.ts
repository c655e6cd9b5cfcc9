import type { Position } from '../schemas/position.ts';
import type { Value } from '../schemas/value.ts';
import type { Target, TargetEvent, Write } from './sink.ts';

/** The newest truncate of a target, with the target's other truncates and all events that are older than it. */
export interface CollapsedTruncate {
  readonly target: Target;
  readonly position: Position;
  readonly events: readonly TargetEvent[];
}

export interface Collapsed {
  readonly writes: readonly Write[];
  /** For each event the index of the write that stands for it, or AT_TRUNCATE where a truncate does. */
  readonly writeOf: readonly number[];
  readonly truncates: readonly CollapsedTruncate[];
}

export const AT_TRUNCATE = -1;

/**
 * Leaves the newest event of each key, and the newest truncate of each target: what the store would hold in the end, in one
 * write a key. The truncates come after the writes and take only what is older than they are. Of what they take a delete at
 * their position is left: a request of a worker that has lost the partition may still be on its way with an older row, which
 * a truncate does not see and a tombstone refuses.
 *
 * A batch has the events of some partitions only. An older event of another partition may still come after the truncate;
 * that partition brings the same truncate behind it, and the last one to come leaves the table right.
 */
export function collapse(events: readonly TargetEvent[]): Collapsed {
  const truncates = newestTruncates(events);
  const places = new Map<string, number>();
  const newest: TargetEvent[] = [];
  const isNew: boolean[] = [];
  const truncated = new Map<string, TargetEvent>();
  const writeOf = events.map((item): number => {
    const { target, event } = item;
    const truncate = truncates.get(target.name);
    const identity = identityOf(item);
    if (truncate !== undefined && event.position <= truncate.position) {
      truncate.events.push(item);
      if (event.op !== 't') truncated.set(identity, item);
      return AT_TRUNCATE;
    }
    const creates = event.op === 'c' || event.op === 'r';
    const place = places.get(identity);
    const known = place === undefined ? undefined : newest[place];
    if (place === undefined || known === undefined) {
      places.set(identity, newest.length);
      isNew.push(creates);
      return newest.push(item) - 1;
    }
    if (event.position >= known.event.position) newest[place] = item;
    if (creates) isNew[place] = true;
    return place;
  });
  const writes = newest.map((item, place) => writeFor(item, isNew[place] === true));
  for (const [identity, { target, event }] of truncated) {
    const position = truncates.get(target.name)?.position;
    if (position === undefined || places.has(identity)) continue;
    writes.push({ op: 'delete', target, key: event.key, position });
  }
  return { writes, writeOf, truncates: [...truncates.values()] };
}

/** By the target's name; the events are still to be filled in. */
function newestTruncates(
  events: readonly TargetEvent[],
): Map<string, { target: Target; position: Position; events: TargetEvent[] }> {
  const newest = new Map<string, { target: Target; position: Position; events: TargetEvent[] }>();
  for (const { target, event } of events) {
    if (event.op !== 't' || event.position < (newest.get(target.name)?.position ?? '')) continue;
    newest.set(target.name, { target, position: event.position, events: [] });
  }
  return newest;
}

function writeFor({ target, event }: TargetEvent, isNew: boolean): Write {
  const { key, after, position } = event;
  return after === null
    ? { op: 'delete', target, key, position }
    : { op: 'upsert', target, key, row: after, position, isNew };
}

/** No text of Postgres has a zero character, so it parts the values. A number is the same in an older, narrower column. */
function identityOf({ target, event }: TargetEvent): string {
  let identity = target.name;
  for (const column of target.table.key) identity += `\0${identityValue(event.key[column] ?? null)}`;
  return identity;
}

function identityValue(value: Value): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : String(value);
}
