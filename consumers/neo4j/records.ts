import type { EagerResult } from 'neo4j-driver';
import type { Database } from './batches.ts';
import { recordId, shapeOf, type Layout } from './layout.ts';
import { RECORD } from './statements.ts';

/** What an earlier start has recorded of a target; all null where there was none. */
export interface StoredRecord {
  readonly shape: string | null;
  /** Further labels of its nodes. */
  readonly labels: readonly string[] | null;
  /** JSON texts of its foreign keys (former-edges.ts). */
  readonly edges: readonly string[] | null;
}

const NO_RECORD: StoredRecord = { shape: null, labels: null, edges: null };

export type RecordOf = (layout: Pick<Layout, 'target'>) => StoredRecord;

/** What is recorded of these targets. */
export async function readRecords(
  { driver, name: database }: Database,
  layouts: readonly Layout[],
): Promise<RecordOf> {
  const { records } = await driver.executeQuery<EagerResult<StoredRecord & { id: string }>>(
    `MATCH (t:${RECORD}) WHERE t.id IN $ids RETURN t.id AS id, t.shape AS shape, t.labels AS labels, t.edges AS edges`,
    { ids: layouts.map(({ target }) => recordId(target.name)) },
    { database },
  );
  const byId = new Map(records.map((record) => [record.get('id'), record.toObject()]));
  return ({ target }) => byId.get(recordId(target.name)) ?? NO_RECORD;
}

/** Records the shapes of new targets. A record that an operator took away comes back without one with a truncate. */
export async function recordShapes(
  { driver, name: database }: Database,
  layouts: readonly Layout[],
): Promise<void> {
  await driver.executeQuery(
    `UNWIND $rows AS row MERGE (t:${RECORD} {id: row.id}) SET t.shape = coalesce(t.shape, row.shape)`,
    { rows: layouts.map((layout) => ({ id: recordId(layout.target.name), shape: shapeOf(layout) })) },
    { database },
  );
}

export async function recordLists(
  { driver, name: database }: Database,
  { target }: Layout,
  lists: { readonly labels: readonly string[] } | { readonly edges: readonly string[] },
): Promise<void> {
  await driver.executeQuery(
    `MATCH (t:${RECORD} {id: $id}) SET t += $lists`,
    { id: recordId(target.name), lists },
    { database },
  );
}
