import type { EagerResult } from 'neo4j-driver';
import { TailraceError } from '../../core/errors.ts';
import { inBatches, type Database } from './batches.ts';
import { recordId, shapeOf, type Edge, type Endpoint, type Layout, type NodeLayout } from './layout.ts';
import { quoted } from './names.ts';
import { PLACEHOLDER, RECORD, TOMBSTONE, linkStoredEdges } from './statements.ts';

/** Makes the constraints by which nodes are found, and records each target's shape, so that a changed one is noticed. */
export async function prepareLayouts(database: Database, layouts: readonly Layout[]): Promise<void> {
  await createConstraint(database, { label: RECORD, properties: ['id'] });
  await createConstraint(database, { label: TOMBSTONE, properties: ['id'] });
  const missing = await layoutsWithoutRecord(database, layouts);
  for (const layout of missing) await refuseForeignNodes(database, layout);
  for (const unique of layouts.flatMap(uniquesOf)) await createConstraint(database, unique);
  await recordShapes(database, missing);
}

/** Makes the relationships of a foreign key for the rows stored before its end became a target. */
export async function linkStoredRows(database: Database, layout: NodeLayout, edge: Edge): Promise<void> {
  const made = await inBatches(database, linkStoredEdges(layout, edge));
  if (made > 0) database.log.info({ type: edge.type, made }, 'linked rows that were stored before');
}

type Unique = Pick<Endpoint, 'label' | 'properties'>;

/** The ends of a relationship are found by a unique key too, even where their table is no target of the sink. */
function uniquesOf(layout: Layout): Unique[] {
  if (layout.shape === 'relationship') return [layout.start, layout.end];
  return [{ label: layout.label, properties: layout.target.table.key }];
}

/** Without a name: with one, IF NOT EXISTS would pass over another constraint of that name in silence. */
async function createConstraint(database: Database, { label, properties }: Unique): Promise<void> {
  // One order for both callers of the same key, or the server would see two constraints.
  const columns = properties.toSorted().map((property) => `n.${quoted(property)}`);
  await database.driver.executeQuery(
    `CREATE CONSTRAINT IF NOT EXISTS FOR (n:${quoted(label)}) REQUIRE (${columns.join(', ')}) IS UNIQUE`,
    {},
    { database: database.name },
  );
}

async function layoutsWithoutRecord(database: Database, layouts: readonly Layout[]): Promise<Layout[]> {
  const { records } = await database.driver.executeQuery<EagerResult<{ id: string; shape: string | null }>>(
    `MATCH (t:${RECORD}) WHERE t.id IN $ids RETURN t.id AS id, t.shape AS shape`,
    { ids: layouts.map(({ target }) => recordId(target.name)) },
    { database: database.name },
  );
  const recorded = new Map(records.map((record) => [record.get('id'), record.get('shape')]));
  for (const layout of layouts) {
    const [found, wanted] = [recorded.get(recordId(layout.target.name)), shapeOf(layout)];
    if (typeof found === 'string' && found !== wanted) throw changedShape(layout, found, wanted);
  }
  // A record that an operator took away comes back without a shape when the target is truncated.
  return layouts.filter((layout) => typeof recorded.get(recordId(layout.target.name)) !== 'string');
}

async function recordShapes(database: Database, layouts: readonly Layout[]): Promise<void> {
  await database.driver.executeQuery(
    `UNWIND $rows AS row MERGE (t:${RECORD} {id: row.id}) SET t.shape = coalesce(t.shape, row.shape)`,
    { rows: layouts.map((layout) => ({ id: recordId(layout.target.name), shape: shapeOf(layout) })) },
    { database: database.name },
  );
}

/** A label that another program uses is left alone: its nodes would be taken for rows. */
async function refuseForeignNodes(database: Database, layout: Layout): Promise<void> {
  if (layout.shape !== 'node') return;
  const { records } = await database.driver.executeQuery(
    `MATCH (n:${quoted(layout.label)}) WHERE n.__pos IS NULL AND NOT n:${PLACEHOLDER} RETURN 1 LIMIT 1`,
    {},
    { database: database.name },
  );
  if (records.length === 0) return;
  throw new TailraceError(
    'SINK_SCHEMA_CONFLICT',
    `The target ${layout.target.name} wants the label ${layout.label}, which other nodes of the database have already.`,
    'Remove or relabel those nodes, or give the sink another database.',
  );
}

function changedShape({ target }: Layout, found: string, wanted: string): TailraceError {
  return new TailraceError(
    'SINK_SCHEMA_CONFLICT',
    `The target ${target.name} is stored as ${found}, but its table now asks for ${wanted}.`,
    'The key or a foreign key in the key has changed. To fill the target anew: stop the sink, take its nodes or relationships ' +
      `and MATCH (t:${RECORD} {id: '${recordId(target.name)}'}) DELETE t out of Neo4j (README of the sink, "Fill a target anew"), ` +
      "delete the sink's consumer group (kafka-consumer-groups.sh --delete --group <pipeline>.<sink>) and start the sink.",
  );
}
