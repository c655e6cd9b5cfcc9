import type { ChangeEvent } from '../schemas/change-event.ts';
import type { Value } from '../schemas/value.ts';
import type { Target, Write } from './sink.ts';

/** An event on its way into a target, after the sink's transforms. */
export interface TargetEvent {
  readonly target: Target;
  readonly event: ChangeEvent;
}

/** The one write that is left of a key's events, and these events. */
export interface CollapsedWrite {
  readonly write: Write;
  readonly events: readonly TargetEvent[];
}

/** Leaves the newest event of each key: what the store would hold in the end, in one write a key. */
export function collapse(events: readonly TargetEvent[]): CollapsedWrite[] {
  const byKey = new Map<string, { newest: TargetEvent; events: TargetEvent[] }>();
  for (const item of events) {
    const identity = identityOf(item);
    const known = byKey.get(identity);
    if (known === undefined) byKey.set(identity, { newest: item, events: [item] });
    else {
      known.events.push(item);
      if (item.event.position >= known.newest.event.position) known.newest = item;
    }
  }
  return [...byKey.values()].map(({ newest, events: all }) => ({ write: writeOf(newest, all), events: all }));
}

function writeOf({ target, event }: TargetEvent, all: readonly TargetEvent[]): Write {
  const { key, after, position } = event;
  if (after === null) return { op: 'delete', target, key, position };
  const isNew = all.some(({ event: { op } }) => op === 'c' || op === 'r');
  return { op: 'upsert', target, key, row: after, position, isNew };
}

function identityOf({ target, event }: TargetEvent): string {
  const values = target.table.key.map((column) => identityValue(event.key[column] ?? null));
  return JSON.stringify([target.name, ...values]);
}

function identityValue(value: Value): string | null | boolean {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : value;
}
