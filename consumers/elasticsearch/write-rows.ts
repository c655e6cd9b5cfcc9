import { TailraceError } from '../../core/errors.ts';
import type { Target, Write, WriteOutcome } from '../sink.ts';
import { bulkItem, type BulkItem } from './bulk-item.ts';
import type { SendItems } from './bulk.ts';
import type { Indices } from './indices.ts';
import type { DocumentShape } from './mapping.ts';

/** Applies writes by versioned index operations and answers one outcome each, in order. Throws as `SendItems`. */
export async function writeRows(
  sendItems: SendItems,
  indices: Indices,
  writes: readonly Write[],
): Promise<WriteOutcome[]> {
  const outcomes: WriteOutcome[] = [];
  const items: BulkItem[] = [];
  const shapes = new Map<Target, DocumentShape>();
  for (const [slot, write] of writes.entries()) {
    let shape = shapes.get(write.target);
    if (shape === undefined) shapes.set(write.target, (shape = await indices.shapeOf(write.target)));
    try {
      items.push(bulkItem(slot, write, shape));
    } catch (error) {
      if (!isRejection(error)) throw error;
      // A row with a key that no document can have was never written.
      outcomes[slot] = write.op === 'delete' ? { result: 'stale' } : { result: 'rejected', error };
    }
  }
  await sendItems(items, outcomes);
  return outcomes;
}

function isRejection(error: unknown): error is TailraceError {
  return error instanceof TailraceError && error.code === 'SINK_EVENT_REJECTED';
}
