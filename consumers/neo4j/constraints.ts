import { Neo4jError, type EagerResult } from 'neo4j-driver';
import type { Database } from './batches.ts';
import type { Difference } from './differences.ts';
import type { Layout } from './layout.ts';
import { quoted } from './names.ts';

/** Properties by which nodes of a label, or relationships of a type, are found. */
export interface Unique {
  readonly of: 'node' | 'relationship';
  readonly name: string;
  readonly properties: readonly string[];
}

/** The ends of a relationship are found by a unique key too, even where their table is no target of the sink. */
export function uniquesOf(layout: Layout): Unique[] {
  const { key } = layout.target.table;
  if (layout.shape === 'node') return [unique('node', layout.label, key)];
  return [
    unique('relationship', layout.type, key),
    ...[layout.start, layout.end].map(({ label, properties }) => unique('node', label, properties)),
  ];
}

/** One order for all callers of the same key, or the server would see two constraints. */
export function unique(of: Unique['of'], name: string, properties: readonly string[]): Unique {
  return { of, name, properties: properties.toSorted() };
}

/** Makes the constraint; answers what stands in its way. */
export async function createConstraint(database: Database, wanted: Unique): Promise<Difference[]> {
  try {
    // Without a name: with one, IF NOT EXISTS would pass over another constraint of that name in silence.
    await database.driver.executeQuery(
      `CREATE CONSTRAINT IF NOT EXISTS FOR ${pattern(wanted)} REQUIRE (${listed(wanted)}) IS UNIQUE`,
      {},
      { database: database.name },
    );
    return [];
  } catch (error) {
    if (!(error instanceof Neo4jError && error.code.startsWith('Neo.ClientError.Schema.'))) throw error;
    const found = [...(await indexesInTheWay(database, wanted)), ...(await duplicates(database, wanted))];
    if (found.length === 0) throw error;
    return found;
  }
}

function pattern({ of, name }: Unique): string {
  return of === 'node' ? `(n:${quoted(name)})` : `()-[n:${quoted(name)}]-()`;
}

function listed({ properties }: Unique): string {
  return properties.map((property) => `n.${quoted(property)}`).join(', ');
}

function told({ of, name, properties }: Unique): string {
  return `the unique constraint on ${properties.join(', ')} of ${of === 'node' ? 'label' : 'type'} ${name}`;
}

async function indexesInTheWay({ driver, name: database }: Database, wanted: Unique): Promise<Difference[]> {
  const { records } = await driver.executeQuery<EagerResult<{ name: string }>>(
    `SHOW INDEXES YIELD name, type, entityType, labelsOrTypes, properties, owningConstraint
     WHERE type = 'RANGE' AND owningConstraint IS NULL AND entityType = $entity
       AND labelsOrTypes = [$name] AND properties = $properties
     RETURN name`,
    { entity: wanted.of.toUpperCase(), name: wanted.name, properties: wanted.properties },
    { database },
  );
  return records.map((record) => ({
    what: `An index, ${record.get('name')}, stands in the way of ${told(wanted)}.`,
    fix: `Drop it, the constraint serves the same queries: DROP INDEX ${quoted(record.get('name'))}.`,
  }));
}

async function duplicates({ driver, name: database }: Database, wanted: Unique): Promise<Difference[]> {
  const values = wanted.properties.map((property, index) => `n.${quoted(property)} AS v${index}`);
  const given = wanted.properties.map((property) => `n.${quoted(property)} IS NOT NULL`);
  const element = wanted.of === 'node' ? pattern(wanted) : pattern(wanted).replace(']-', ']->');
  const { records } = await driver.executeQuery<EagerResult<{ count: bigint }>>(
    `MATCH ${element} WHERE ${given.join(' AND ')}
     WITH ${values.join(', ')}, count(*) AS times WHERE times > 1 RETURN count(*) AS count`,
    {},
    { database },
  );
  const count = records[0]?.get('count') ?? 0n;
  if (count === 0n) return [];
  return [
    {
      what: `${count} values are there more than once, so ${told(wanted)} can't be made.`,
      fix: `Take the duplicates away (MATCH ${element} WITH ${values.join(', ')}, collect(n) AS all WHERE size(all) > 1), or give the sink another database.`,
    },
  ];
}
