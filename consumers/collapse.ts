import type { Position } from '../schemas/position.ts';
import type { Value } from '../schemas/value.ts';
import type { Target, TargetEvent, Write } from './sink.ts';

/** The one write that is left of a key's events, and these events. */
export interface CollapsedWrite {
  readonly write: Write;
  readonly events: readonly TargetEvent[];
}

/** The newest truncate of a target, with the target's other truncates and all events that are older than it. */
export interface CollapsedTruncate {
  readonly target: Target;
  readonly position: Position;
  readonly events: readonly TargetEvent[];
}

export interface Collapsed {
  readonly writes: readonly CollapsedWrite[];
  readonly truncates: readonly CollapsedTruncate[];
}

/**
 * Leaves the newest event of each key, and the newest truncate of each target: what the store would hold in the end, in one
 * write a key. The truncates come after the writes and take only what is older than they are, so nothing of it need be
 * written.
 *
 * A batch has the events of some partitions only. An older event of another partition may still come after the truncate;
 * that partition brings the same truncate behind it, and the last one to come leaves the table right.
 */
export function collapse(events: readonly TargetEvent[]): Collapsed {
  const truncates = newestTruncates(events);
  const byKey = new Map<string, { newest: TargetEvent; events: TargetEvent[] }>();
  for (const item of events) {
    const truncate = truncates.get(item.target.name);
    if (truncate !== undefined && item.event.position <= truncate.position) {
      truncate.events.push(item);
      continue;
    }
    const identity = identityOf(item);
    const known = byKey.get(identity);
    if (known === undefined) byKey.set(identity, { newest: item, events: [item] });
    else {
      known.events.push(item);
      if (item.event.position >= known.newest.event.position) known.newest = item;
    }
  }
  const writes = [...byKey.values()].map(({ newest, events: all }) => ({
    write: writeOf(newest, all),
    events: all,
  }));
  return { writes, truncates: [...truncates.values()] };
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

function writeOf({ target, event }: TargetEvent, all: readonly TargetEvent[]): Write {
  const { key, after, position } = event;
  if (after === null) return { op: 'delete', target, key, position };
  const isNew = all.some(({ event: { op } }) => op === 'c' || op === 'r');
  return { op: 'upsert', target, key, row: after, position, isNew };
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
