import { inBatches, type Database } from './batches.ts';
import { createConstraint, unique, uniquesOf } from './constraints.ts';
import { foreignElements, refuseDifferences, shapeDifference, type Difference } from './differences.ts';
import { linkStoredEdges } from './edge-statements.ts';
import { prepareIndexes } from './indexes.ts';
import type { Edge, Layout, NodeLayout } from './layout.ts';
import { readRecords, recordShapes } from './records.ts';
import { RECORD, TOMBSTONE } from './statements.ts';
import { prepareLabels } from './stored-labels.ts';

/**
 * Makes the constraints by which rows are found, the indexes and further labels of the options, and records each target's
 * shape. Throws SINK_SCHEMA_CONFLICT that names all that stands in the way.
 */
export async function prepareLayouts(database: Database, layouts: readonly Layout[]): Promise<void> {
  const own = [unique('node', RECORD, ['id']), unique('node', TOMBSTONE, ['id'])];
  for (const each of own) refuseDifferences(await createConstraint(database, each));
  const recordOf = await readRecords(database, layouts);
  const missing = layouts.filter((layout) => recordOf(layout).shape === null);

  const inShape = layouts.flatMap((layout) => shapeDifference(layout, recordOf(layout)));
  refuseDifferences([...inShape, ...(await each(missing, (layout) => foreignElements(database, layout)))]);
  refuseDifferences(await each(layouts.flatMap(uniquesOf), (wanted) => createConstraint(database, wanted)));

  await recordShapes(database, missing);
  for (const layout of layouts) {
    await prepareIndexes(database, layout);
    if (layout.shape === 'node') await prepareLabels(database, layout, recordOf(layout));
  }
}

/** Makes the relationships of a foreign key for the rows stored before its end became a target. */
export async function linkStoredRows(database: Database, layout: NodeLayout, edge: Edge): Promise<void> {
  const made = await inBatches(database, linkStoredEdges(layout, edge));
  if (made > 0) database.log.info({ type: edge.type, made }, 'linked rows that were stored before');
}

async function each<Item>(
  items: readonly Item[],
  look: (item: Item) => Promise<Difference[]>,
): Promise<Difference[]> {
  const found: Difference[] = [];
  for (const item of items) found.push(...(await look(item)));
  return found;
}
