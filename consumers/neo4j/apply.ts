import type { Transaction } from 'neo4j-driver';
import { recordId, type Layout, type NodeLayout, type RelationshipLayout } from './layout.ts';
import type { GraphWrite } from './mapping.ts';
import * as cypher from './statements.ts';

/** The versions that the graph holds of one key; at most one of both counts, the newer. */
interface Versions {
  /** Of the live row. */
  readonly stored: string | null;
  /** Of the tombstone. */
  readonly deleted: string | null;
}

/** The writes of one target. */
interface Group<Shape extends Layout = Layout> {
  readonly layout: Shape;
  readonly writes: readonly GraphWrite[];
}

/**
 * Applies writes of distinct keys in one transaction, in an order in which every end of a relationship is there; an end
 * whose row has not come yet is made as a placeholder. Answers the ids of the stale writes.
 */
export async function applyWrites(
  transaction: Transaction,
  layouts: ReadonlyMap<string, Layout>,
  writes: readonly GraphWrite[],
): Promise<ReadonlySet<string>> {
  await transaction.run(cypher.LOCK);
  const groups = groupByLayout(layouts, writes);
  const versions = await readVersions(transaction, groups);
  const truncated = await readTruncates(transaction);
  const isOld = (write: GraphWrite): boolean =>
    isStale(write, versions.get(write.id)) ||
    (truncated.get(recordId(write.targetName)) ?? '') > write.position;
  const stale = new Set(writes.filter(isOld).map(({ id }) => id));

  const fresh = groups.map((group): Group => ({
    ...group,
    writes: group.writes.filter(({ id }) => !stale.has(id)),
  }));
  const nodes = fresh.filter(isNodeGroup);
  const relationships = fresh.filter(isRelationshipGroup);
  const wasLive = ({ id }: GraphWrite): boolean => (versions.get(id)?.stored ?? null) !== null;

  const loose = new Set<string>();
  const run = (text: string, rows: readonly unknown[]): Promise<void> =>
    runAndCollect(transaction, text, rows, loose);

  for (const group of relationships)
    await run(cypher.deleteRelationships(group.layout), rowsOf(group, 'delete', wasLive));
  for (const group of nodes) await run(cypher.putNodes(group.layout), rowsOf(group, 'upsert'));
  for (const group of nodes) await moveEdges(run, group, wasLive);
  for (const group of relationships)
    await run(cypher.putRelationships(group.layout), rowsOf(group, 'upsert'));
  for (const group of nodes) await deleteNodes(run, group, wasLive);
  await keepTombstones(run, fresh, versions);
  if (loose.size > 0) await transaction.run(cypher.DROP_LOOSE_PLACEHOLDERS, { ids: [...loose] });
  return stale;
}

/** An equal position is applied again: it brings the same content, and mends a row that was changed by hand. */
function isStale({ position }: GraphWrite, versions: Versions | undefined): boolean {
  const newest = [versions?.stored ?? '', versions?.deleted ?? ''];
  return newest.some((version) => version > position);
}

type Run = (text: string, rows: readonly unknown[]) => Promise<void>;
type Filter = (write: GraphWrite) => boolean;

async function moveEdges(run: Run, group: Group<NodeLayout>, wasLive: Filter): Promise<void> {
  const moved = rowsOf(group, 'upsert', wasLive);
  const rows = rowsOf(group, 'upsert');
  for (const edge of group.layout.edges) {
    await run(cypher.unlinkMovedEdges(group.layout, edge), moved);
    const linked = rows.filter((row) => edge.end.columns.every((column) => (row[column] ?? null) !== null));
    await run(cypher.linkEdges(group.layout, edge), linked);
  }
}

async function deleteNodes(run: Run, group: Group<NodeLayout>, wasLive: Filter): Promise<void> {
  const rows = rowsOf(group, 'delete', wasLive);
  if (group.layout.edges.length > 0) await run(cypher.unlinkAllEdges(group.layout), rows);
  await run(cypher.emptyNodes(group.layout), rows);
}

/** A live row needs no tombstone, since its own version is newer. */
async function keepTombstones(
  run: Run,
  groups: readonly Group[],
  versions: ReadonlyMap<string, Versions>,
): Promise<void> {
  const writes = groups.flatMap((group) => group.writes);
  const deleted = writes.filter(({ op }) => op === 'delete');
  const revived = writes.filter(
    ({ op, id }) => op === 'upsert' && (versions.get(id)?.deleted ?? null) !== null,
  );
  await run(
    cypher.PUT_TOMBSTONES,
    deleted.map(({ id, position }) => ({ id, position })),
  );
  await run(
    cypher.DROP_TOMBSTONES,
    revived.map(({ id }) => ({ id })),
  );
}

async function readVersions(
  transaction: Transaction,
  groups: readonly Group[],
): Promise<Map<string, Versions>> {
  const versions = new Map<string, Versions>();
  for (const { layout, writes } of groups) {
    const text =
      layout.shape === 'node' ? cypher.readNodeVersions(layout) : cypher.readRelationshipVersions(layout);
    const rows = writes.map(({ id, row }) => ({ id, key: pick(row, layout.target.table.key) }));
    const { records } = await transaction.run<Versions & { id: string }>(text, { rows });
    for (const record of records)
      versions.set(record.get('id'), { stored: record.get('stored'), deleted: record.get('deleted') });
  }
  return versions;
}

/** Position up to which a target was truncated, by the id of its record. */
async function readTruncates(transaction: Transaction): Promise<ReadonlyMap<string, string>> {
  const { records } = await transaction.run<{ id: string; position: string }>(cypher.READ_TRUNCATES);
  return new Map(records.map((record) => [record.get('id'), record.get('position')]));
}

/** Sends nothing for no rows; remembers the nodes that a statement calls perhaps loose. */
async function runAndCollect(
  transaction: Transaction,
  text: string,
  rows: readonly unknown[],
  loose: Set<string>,
): Promise<void> {
  if (rows.length === 0) return;
  const { records } = await transaction.run<{ loose: string }>(text, { rows });
  for (const record of records) loose.add(record.get('loose'));
}

function groupByLayout(layouts: ReadonlyMap<string, Layout>, writes: readonly GraphWrite[]): Group[] {
  return [...Map.groupBy(writes, ({ targetName }) => targetName)].map(([name, own]) => {
    const layout = layouts.get(name);
    if (layout === undefined) throw new RangeError(`the target ${name} was not prepared`);
    return { layout, writes: own };
  });
}

function isNodeGroup(group: Group): group is Group<NodeLayout> {
  return group.layout.shape === 'node';
}

function isRelationshipGroup(group: Group): group is Group<RelationshipLayout> {
  return group.layout.shape === 'relationship';
}

function rowsOf(group: Group, op: GraphWrite['op'], filter: Filter = () => true): GraphWrite['row'][] {
  return group.writes.filter((write) => write.op === op && filter(write)).map(({ row }) => row);
}

function pick(row: GraphWrite['row'], columns: readonly string[]): GraphWrite['row'] {
  return Object.fromEntries(columns.map((column) => [column, row[column] ?? null]));
}
