import type { Transaction } from 'neo4j-driver';
import type { Position } from '../../schemas/position.ts';
import { inBatches, type Database } from './batches.ts';
import { unlinkEdgesById, unlinkSourcesById } from './edge-statements.ts';
import { recordId, type Layout, type NodeLayout } from './layout.ts';
import { emptyNodesById, olderNodes } from './node-statements.ts';
import { deleteOlderRelationships } from './relationship-statements.ts';
import { LOCK, MARK_TRUNCATED } from './statements.ts';
import { inTransaction } from './transaction.ts';

/**
 * Takes away every row older than `position`. First the target's record gets the position: from then on writers refuse what
 * is older, so that no row needs a tombstone and a crash between the batches lets nothing pass.
 */
export async function truncateTarget(database: Database, layout: Layout, position: Position): Promise<void> {
  await inTransaction(database.driver, database.name, async (transaction) => {
    await transaction.run(LOCK);
    await transaction.run(MARK_TRUNCATED, { id: recordId(layout.target.name), position });
  });
  if (layout.shape === 'relationship')
    await inBatches(database, deleteOlderRelationships(layout), { position });
  else
    await inBatches(database, olderNodes(layout), { position }, (transaction, ids, loose) =>
      emptyNodes(transaction, layout, ids, loose),
    );
}

/** As a delete does: the row's own relationships go, and a node that others point to stays as a placeholder. */
async function emptyNodes(
  transaction: Transaction,
  layout: NodeLayout,
  ids: readonly string[],
  loose: Set<string>,
): Promise<void> {
  for (const edge of layout.edges) {
    const { records } = await transaction.run<{ loose: string }>(unlinkEdgesById(edge), { ids });
    for (const record of records) loose.add(record.get('loose'));
  }
  for (const incoming of layout.incoming) await transaction.run(unlinkSourcesById(incoming), { ids });
  await transaction.run(emptyNodesById(layout), { ids });
}
