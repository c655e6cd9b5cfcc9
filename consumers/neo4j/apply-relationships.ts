import type { Transaction } from 'neo4j-driver';
import type { Group } from './guards.ts';
import type { RelationshipLayout } from './layout.ts';
import type { GraphWrite, StoreValue } from './mapping.ts';
import * as cypher from './relationship-statements.ts';
import { send } from './send.ts';
import { readFresh, type Progress } from './versions.ts';

/** Applies the writes of a table whose rows are relationships. */
export async function applyRelationships(
  transaction: Transaction,
  { layout, gone, upserts, deletes }: Group<RelationshipLayout>,
  progress: Progress,
): Promise<void> {
  const { fresh, live } = await readFresh(
    transaction,
    cypher.readRelationshipVersions(layout),
    [...upserts, ...deletes],
    progress,
  );
  const dropped = await send<{ loose: string; other: string }>(
    transaction,
    cypher.deleteRelationships(layout),
    [...live].filter(({ op }) => op === 'delete').map(({ key }) => key),
  );
  for (const record of dropped) progress.loose.add(record.get('loose')).add(record.get('other'));

  const stored = [...live].filter(({ op }) => op === 'upsert');
  const moved = await dropMoved(transaction, layout, stored, progress);
  const kept = new Set(stored.filter((write) => !moved.has(write)));
  const made = fresh.filter((write) => write.op === 'upsert' && !kept.has(write));
  await send(transaction, cypher.setRelationships(layout, gone), [...kept].map(rowOf));
  await send(transaction, cypher.createRelationships(layout), made.map(rowOf));
}

/** Takes away the relationships of rows that join other nodes now; only where the ends are no part of the key. */
async function dropMoved(
  transaction: Transaction,
  layout: RelationshipLayout,
  stored: readonly GraphWrite[],
  { loose }: Progress,
): Promise<ReadonlySet<GraphWrite>> {
  const ends = [...layout.start.columns, ...layout.end.columns];
  if (ends.every((name) => layout.target.table.key.includes(name))) return new Set();
  const places = ends.map((name) => layout.columns.indexOf(name));
  const records = await send<{ place: number; loose: string; other: string }>(
    transaction,
    cypher.dropMovedRelationships(layout),
    stored.map(({ key, values }, row) => [...key, ...places.map((place) => values[place]), row]),
  );
  for (const record of records) loose.add(record.get('loose')).add(record.get('other'));
  const moved = new Set(records.map((record) => record.get('place')));
  return new Set(stored.filter((_, row) => moved.has(row)));
}

function rowOf({ values, position }: GraphWrite): StoreValue[] {
  return [...values, position];
}
