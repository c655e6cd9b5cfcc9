import { inBatches, type Database } from './batches.ts';
import { dropStoredEdges } from './edge-statements.ts';
import type { Edge, NodeLayout } from './layout.ts';
import { recordLists, type StoredRecord } from './records.ts';

/**
 * Takes away the stored relationships of foreign keys that the table has no more, or that are stored otherwise now, and records
 * those that it has. One whose end is only no target at the moment keeps them, unless the options say `none`. True when some
 * were taken away.
 */
export async function dropFormerEdges(
  database: Database,
  layout: NodeLayout,
  record: StoredRecord,
): Promise<boolean> {
  const recorded = (record.edges ?? []).map((text) => JSON.parse(text) as RecordedEdge);
  const former = formerOf(recorded, layout);
  const kept = recorded.filter((edge) => !former.includes(edge));
  const edges = [...new Set([...kept, ...layout.edges].map(textOf))];
  if (former.length === 0 && edges.length === recorded.length) return false;
  for (const edge of former) {
    const dropped = await inBatches(database, dropStoredEdges(layout, edge, edge.end.label));
    database.log.info(
      { type: edge.type, dropped },
      'dropped the relationships of a foreign key that is gone',
    );
  }
  await recordLists(database, layout, { edges });
  return former.length > 0;
}

type RecordedEdge = Pick<Edge, 'name' | 'type' | 'direction'> & {
  readonly end: Pick<Edge['end'], 'label' | 'properties'>;
};

function formerOf(
  recorded: readonly RecordedEdge[],
  { target, edges, unlinked }: NodeLayout,
): RecordedEdge[] {
  // The name of the constraint may change without any effect on the relationships.
  const wanted = new Set(edges.map(relationshipText));
  const used = new Set([...edges.map(({ name }) => name), ...unlinked]);
  const waiting = new Set(target.table.foreignKeys.map(({ name }) => name).filter((name) => !used.has(name)));
  return recorded.filter((edge) => !wanted.has(relationshipText(edge)) && !waiting.has(edge.name));
}

function relationshipText({ type, direction, end }: RecordedEdge): string {
  return JSON.stringify([type, direction, end.label, end.properties]);
}

function textOf({ name, type, direction, end }: RecordedEdge): string {
  return JSON.stringify({
    name,
    type,
    direction,
    end: { label: end.label, properties: end.properties },
  });
}
