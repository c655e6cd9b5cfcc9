import type { EagerResult } from 'neo4j-driver';
import { inBatches, type Database } from './batches.ts';
import { recordId, type Edge, type NodeLayout } from './layout.ts';
import { RECORD, dropStoredEdges } from './statements.ts';

/**
 * Takes away the stored relationships of foreign keys that the table has no more, or that point elsewhere now, and records
 * those that it has. One whose end is only no target at the moment keeps them. True when some were taken away.
 */
export async function dropFormerEdges(database: Database, layout: NodeLayout): Promise<boolean> {
  const id = recordId(layout.target.name);
  const recorded = await recordedEdges(database, id);
  const former = formerOf(recorded, layout);
  const kept = recorded.filter((edge) => !former.includes(edge));
  const edges = [...new Set([...kept, ...layout.edges].map(textOf))];
  if (former.length === 0 && edges.length === recorded.length) return false;
  for (const { type } of former) {
    const dropped = await inBatches(database, dropStoredEdges(layout, type));
    database.log.info({ type, dropped }, 'dropped the relationships of a foreign key that is gone');
  }
  await database.driver.executeQuery(
    `MATCH (t:${RECORD} {id: $id}) SET t.edges = $edges`,
    { id, edges },
    { database: database.name },
  );
  return former.length > 0;
}

type RecordedEdge = Pick<Edge, 'name' | 'type'> & { readonly end: Pick<Edge['end'], 'label' | 'properties'> };

function formerOf(recorded: readonly RecordedEdge[], { target, edges }: NodeLayout): RecordedEdge[] {
  // The name of the constraint may change without any effect on the relationships.
  const wanted = new Set(edges.map(relationshipText));
  const used = new Set(edges.map(({ name }) => name));
  const waiting = new Set(target.table.foreignKeys.map(({ name }) => name).filter((name) => !used.has(name)));
  return recorded.filter((edge) => !wanted.has(relationshipText(edge)) && !waiting.has(edge.name));
}

function relationshipText({ type, end }: RecordedEdge): string {
  return JSON.stringify([type, end.label, end.properties]);
}

function textOf({ name, type, end }: RecordedEdge): string {
  return JSON.stringify({ name, type, end: { label: end.label, properties: end.properties } });
}

async function recordedEdges({ driver, name }: Database, id: string): Promise<RecordedEdge[]> {
  const { records } = await driver.executeQuery<EagerResult<{ edges: string[] | null }>>(
    `MATCH (t:${RECORD} {id: $id}) RETURN t.edges AS edges`,
    { id },
    { database: name },
  );
  return (records[0]?.get('edges') ?? []).map((text) => JSON.parse(text) as RecordedEdge);
}
