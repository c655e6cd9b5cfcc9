import { inBatches, type Database } from './batches.ts';
import type { NodeLayout } from './layout.ts';
import { addStoredLabel, dropStoredLabel } from './node-statements.ts';
import { recordLists, type StoredRecord } from './records.ts';

/** Gives the rows that are stored the further labels of the options, and takes away those that the options had before. */
export async function prepareLabels(
  database: Database,
  layout: NodeLayout,
  { shape, labels }: StoredRecord,
): Promise<void> {
  const recorded = labels ?? [];
  const former = recorded.filter((label) => !layout.labels.includes(label));
  const missing = layout.labels.filter((label) => !recorded.includes(label));
  if (former.length + missing.length === 0) return;
  for (const label of former) await inBatches(database, dropStoredLabel(layout, label));
  if (shape !== null) for (const label of missing) await inBatches(database, addStoredLabel(layout, label));
  await recordLists(database, layout, { labels: layout.labels });
}
