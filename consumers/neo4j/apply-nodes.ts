import type { Transaction } from 'neo4j-driver';
import * as edges from './edge-statements.ts';
import type { Group } from './guards.ts';
import type { NodeLayout } from './layout.ts';
import type { GraphWrite, StoreValue } from './mapping.ts';
import * as cypher from './node-statements.ts';
import { send } from './send.ts';
import { readFresh, type Fresh, type Progress } from './versions.ts';

/** Rows that are nodes now, and whose relationships are still those of before. */
export interface PutNodes extends Fresh {
  readonly layout: NodeLayout;
}

/** Writes the rows of a target; the server passes over those that it has a newer version of. */
export async function putNodes(
  transaction: Transaction,
  { layout, gone, upserts }: Group<NodeLayout>,
  progress: Progress,
): Promise<PutNodes> {
  const records = await send<{ written: bigint; live: number[] }>(
    transaction,
    cypher.putNodes(layout, gone),
    upserts.map(({ values, position }, place) => [...values, position, place]),
  );
  const written = records.reduce((sum, record) => sum + Number(record.get('written')), 0);
  const places = new Set(records.flatMap((record) => record.get('live')));
  const live = new Set(upserts.filter((_, place) => places.has(place)));
  if (written === upserts.length) return { layout, fresh: upserts, live };
  const { fresh } = await readFresh(transaction, cypher.readNodeVersions(layout), upserts, progress);
  return { layout, fresh, live };
}

/** Moves the relationships of foreign keys to where the rows say, and those of rows that refer to these by value. */
export async function linkNodes(
  transaction: Transaction,
  { layout, fresh, live }: PutNodes,
  { loose }: Progress,
): Promise<void> {
  for (const edge of layout.edges) {
    const rowOf = rowsOf(layout, edge.end.columns);
    const moved = await send<{ loose: string }>(
      transaction,
      edges.unlinkMovedEdges(layout, edge),
      [...live].map(rowOf),
    );
    for (const record of moved) loose.add(record.get('loose'));
    await send(transaction, edges.linkEdges(layout, edge), fresh.map(rowOf).filter(isWhole));
  }
  for (const incoming of layout.incoming) {
    const rowOf = rowsOf(layout, incoming.edge.end.properties);
    await send(transaction, edges.unlinkMovedSources(layout, incoming), [...live].map(rowOf));
    await send(transaction, edges.linkSources(layout, incoming), fresh.map(rowOf).filter(isWhole));
  }
}

/** Takes the rows and their own relationships away; a node that others point to stays as a placeholder. */
export async function deleteNodes(
  transaction: Transaction,
  { layout, deletes }: Group<NodeLayout>,
  progress: Progress,
): Promise<void> {
  const { live } = await readFresh(transaction, cypher.readNodeVersions(layout), deletes, progress);
  const rows = [...live].map(({ key }) => key);
  for (const edge of layout.edges) await collect(edges.unlinkAllEdges(layout, edge));
  for (const incoming of layout.incoming)
    await send(transaction, edges.unlinkSources(layout, incoming), rows);
  await collect(cypher.emptyNodes(layout));

  async function collect(text: string): Promise<void> {
    for (const record of await send<{ loose: string }>(transaction, text, rows))
      progress.loose.add(record.get('loose'));
  }
}

/** `[...key, ...columns, position]` of a write. */
function rowsOf(layout: NodeLayout, columns: readonly string[]): (write: GraphWrite) => StoreValue[] {
  const places = columns.map((name) => layout.columns.indexOf(name));
  return ({ key, values, position }) => [...key, ...places.map((place) => values[place] ?? null), position];
}

/** A foreign key with a null column points to nothing (MATCH SIMPLE). */
function isWhole(row: readonly StoreValue[]): boolean {
  return row.every((value) => value !== null);
}
