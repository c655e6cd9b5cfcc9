import type { Transaction } from 'neo4j-driver';
import { deleteNodes, linkNodes, putNodes, type PutNodes } from './apply-nodes.ts';
import { applyRelationships } from './apply-relationships.ts';
import { guard, type Group } from './guards.ts';
import type { NodeLayout, RelationshipLayout } from './layout.ts';
import { tombstoneId, type GraphWrite } from './mapping.ts';
import { send } from './send.ts';
import * as cypher from './statements.ts';
import type { Progress } from './versions.ts';

/**
 * Applies writes of distinct keys in one transaction, in an order in which every end of a relationship is there; an end
 * whose row has not come yet is made as a placeholder. Answers the stale writes.
 */
export async function applyWrites(
  transaction: Transaction,
  writes: readonly GraphWrite[],
): Promise<ReadonlySet<GraphWrite>> {
  const { groups, stale, tombstones } = await guard(transaction, writes);
  const progress: Progress = { stale: new Set(stale), loose: new Set() };
  const nodes = groups.filter(isNodeGroup);

  const put: PutNodes[] = [];
  for (const group of nodes) put.push(await putNodes(transaction, group, progress));
  for (const each of put) await linkNodes(transaction, each, progress);
  for (const group of groups.filter(isRelationshipGroup))
    await applyRelationships(transaction, group, progress);
  for (const group of nodes) await deleteNodes(transaction, group, progress);
  await keepTombstones(
    transaction,
    writes.filter((write) => !progress.stale.has(write)),
    tombstones,
  );
  if (progress.loose.size > 0)
    await transaction.run(cypher.DROP_LOOSE_PLACEHOLDERS, { ids: [...progress.loose] });
  return progress.stale;
}

/** A live row needs no tombstone, since its own version is newer. */
async function keepTombstones(
  transaction: Transaction,
  fresh: readonly GraphWrite[],
  tombstones: ReadonlyMap<GraphWrite, string>,
): Promise<void> {
  const deleted = fresh.filter(({ op }) => op === 'delete');
  const revived = fresh.filter((write) => write.op === 'upsert' && tombstones.has(write));
  await send(
    transaction,
    cypher.PUT_TOMBSTONES,
    deleted.map((write) => [tombstoneId(write), write.position]),
  );
  await send(transaction, cypher.DROP_TOMBSTONES, revived.map(tombstoneId));
}

function isNodeGroup(group: Group): group is Group<NodeLayout> {
  return group.layout.shape === 'node';
}

function isRelationshipGroup(group: Group): group is Group<RelationshipLayout> {
  return group.layout.shape === 'relationship';
}
