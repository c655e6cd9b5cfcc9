import type { ChangeEvent } from '../schemas/change-event.ts';

/**
 * The same change as a delete: what a transform must hand on for an update whose row is no longer wanted, because the
 * store may hold the row from before. Deleting a row that was never there does no harm.
 */
export function asDelete(event: ChangeEvent): ChangeEvent {
  return { ...event, op: 'd', before: event.before ?? event.key, after: null };
}
