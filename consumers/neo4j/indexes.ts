import type { EagerResult } from 'neo4j-driver';
import type { Database } from './batches.ts';
import type { IndexOptions } from './config.ts';
import { refuseDifferences } from './differences.ts';
import { sameNames } from './known-targets.ts';
import type { Layout } from './layout.ts';
import { escaped, quoted } from './names.ts';

/** A new index of a large label is read from all its nodes. */
const POPULATION_SECONDS = 600;

/** An index that the options ask for, or by which edges by value are found. */
interface WantedIndex extends IndexOptions {
  /** Tells those of the sink from those of others, and changes with the columns. */
  readonly name: string;
}

/** An index of the sink in the database; an earlier version may have given its name to other columns. */
type StoredIndex = Readonly<Record<'name', string> & Record<'properties', readonly string[]>>;

/** The indexes of a target. What a unique constraint serves already is left out. */
export function indexesOf(layout: Layout): WantedIndex[] {
  const referring = layout.shape === 'node' ? layout.edges.filter(({ by }) => by === 'value') : [];
  const referred = layout.shape === 'node' ? layout.incoming : [];
  const all: IndexOptions[] = [
    ...layout.indexes,
    ...referring.map(({ end }) => ({ columns: [...end.columns], type: 'range' as const })),
    ...referred.map(({ edge }) => ({ columns: [...edge.end.properties], type: 'range' as const })),
  ];
  const isKey = ({ columns, type }: IndexOptions): boolean =>
    type === 'range' && sameNames(columns, layout.target.table.key);
  const named = all.map((index) => ({ ...index, name: nameOf(layout, index) }));
  return [...new Map(named.filter((index) => !isKey(index)).map((index) => [index.name, index])).values()];
}

/** Makes the target's indexes that are missing and drops those of the sink that nothing asks for any more. */
export async function prepareIndexes(database: Database, layout: Layout): Promise<void> {
  const wanted = indexesOf(layout);
  const stored = await ownIndexes(database, layout);
  const isSame = (one: StoredIndex, index: WantedIndex): boolean =>
    one.name === index.name && JSON.stringify(one.properties) === JSON.stringify(index.columns);
  const former = stored.filter((one) => !wanted.some((index) => isSame(one, index))).map(({ name }) => name);
  const missing = wanted.filter((index) => !stored.some((one) => isSame(one, index)));
  for (const name of former) await run(database, `DROP INDEX ${quoted(name)} IF EXISTS`);
  for (const index of missing) await run(database, creation(layout, index));
  if (missing.length > 0) await run(database, `CALL db.awaitIndexes(${POPULATION_SECONDS})`);
  await refuseFailed(database, wanted);
  if (former.length + missing.length > 0)
    database.log.info(
      { target: layout.target.name, made: missing.map(({ name }) => name), dropped: former },
      'indexes follow the options',
    );
}

function creation(layout: Layout, { name, columns, type }: WantedIndex): string {
  const element =
    layout.shape === 'node' ? `(n:${quoted(layout.label)})` : `()-[n:${quoted(layout.type)}]-()`;
  const properties = columns.map((column) => `n.${quoted(column)}`).join(', ');
  return `CREATE ${type} INDEX ${quoted(name)} IF NOT EXISTS FOR ${element} ON ${type === 'fulltext' ? `EACH [${properties}]` : `(${properties})`}`;
}

function nameOf({ target }: Layout, { columns, type }: IndexOptions): string {
  return `tailrace_${target.name}_${type}_${columns.map(escaped).join(':')}`;
}

async function ownIndexes(database: Database, layout: Layout): Promise<StoredIndex[]> {
  const { records } = await run<StoredIndex>(
    database,
    `SHOW INDEXES YIELD name, properties, labelsOrTypes, owningConstraint
     WHERE name STARTS WITH $prefix AND labelsOrTypes = [$element] AND owningConstraint IS NULL
     RETURN name, properties`,
    {
      prefix: `tailrace_${layout.target.name}_`,
      element: layout.shape === 'node' ? layout.label : layout.type,
    },
  );
  return records.map((record) => record.toObject());
}

async function refuseFailed(database: Database, wanted: readonly WantedIndex[]): Promise<void> {
  if (wanted.length === 0) return;
  const { records } = await run<{ name: string }>(
    database,
    `SHOW INDEXES YIELD name, state WHERE state = 'FAILED' AND name IN $names RETURN name`,
    { names: wanted.map(({ name }) => name) },
  );
  refuseDifferences(
    records.map((record) => ({
      what: `The index ${record.get('name')} could not be filled from the rows that are stored.`,
      fix: `A value is too long for it (about 8 kB): take another type of index, then DROP INDEX ${quoted(record.get('name'))}.`,
    })),
  );
}

function run<Shape extends Record<string, unknown>>(
  { driver, name: database }: Database,
  text: string,
  parameters: Readonly<Record<string, unknown>> = {},
): Promise<EagerResult<Shape>> {
  return driver.executeQuery<EagerResult<Shape>>(text, parameters, { database });
}
