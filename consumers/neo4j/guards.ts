import type { Transaction } from 'neo4j-driver';
import { recordId, type Layout } from './layout.ts';
import { tombstoneId, type GraphWrite } from './mapping.ts';
import { send } from './send.ts';
import * as cypher from './statements.ts';

/** The writes of one target that neither a truncate nor a delete has made stale. */
export interface Group<Shape extends Layout = Layout> {
  readonly layout: Shape;
  /** Columns that rows of the target had once, and that the layout does not have. */
  readonly gone: readonly string[];
  readonly upserts: readonly GraphWrite[];
  readonly deletes: readonly GraphWrite[];
}

export interface Guarded {
  readonly groups: readonly Group[];
  readonly stale: readonly GraphWrite[];
  /** The writes whose keys have a tombstone, and its position. */
  readonly tombstones: ReadonlyMap<GraphWrite, string>;
}

interface TargetRecord {
  readonly truncated: string | null;
  readonly columns: readonly string[] | null;
}

const NO_RECORD: TargetRecord = { truncated: null, columns: null };

/** Takes the writers' lock, and sorts out the writes that are older than their target's truncate or their key's delete. */
export async function guard(transaction: Transaction, writes: readonly GraphWrite[]): Promise<Guarded> {
  const byLayout = Map.groupBy(writes, ({ layout }) => layout);
  const ids = [...byLayout.keys()].map(({ target }) => recordId(target.name));
  const [, { records }, { records: counted }] = await Promise.all([
    transaction.run(cypher.LOCK),
    transaction.run<TargetRecord & { id: string }>(cypher.READ_RECORDS, { ids }),
    transaction.run<{ count: bigint }>(cypher.COUNT_TOMBSTONES),
  ]);
  const known = new Map(records.map((record) => [record.get('id'), record.toObject()]));
  const tombstones =
    counted[0]?.get('count') === 0n
      ? new Map<GraphWrite, string>()
      : await readTombstones(transaction, writes);
  const stale: GraphWrite[] = [];
  const groups = [...byLayout].map(([layout, own]): Group => {
    const { columns, truncated } = known.get(recordId(layout.target.name)) ?? NO_RECORD;
    const fresh: { readonly upsert: GraphWrite[]; readonly delete: GraphWrite[] } = {
      upsert: [],
      delete: [],
    };
    for (const write of own) {
      const isStale = (truncated ?? '') > write.position || (tombstones.get(write) ?? '') > write.position;
      (isStale ? stale : fresh[write.op]).push(write);
    }
    const gone = (columns ?? []).filter((name) => !layout.columns.includes(name));
    return { layout, gone, upserts: fresh.upsert, deletes: fresh.delete };
  });
  await addColumns(transaction, groups, known);
  return { groups, stale, tombstones };
}

async function readTombstones(
  transaction: Transaction,
  writes: readonly GraphWrite[],
): Promise<ReadonlyMap<GraphWrite, string>> {
  const byId = new Map(writes.map((write) => [tombstoneId(write), write]));
  const records = await send<{ found: [string, string][] }>(transaction, cypher.READ_TOMBSTONES, [
    ...byId.keys(),
  ]);
  const tombstones = new Map<GraphWrite, string>();
  for (const [id, position] of records.flatMap((record) => record.get('found'))) {
    const write = byId.get(id);
    if (write !== undefined) tombstones.set(write, position);
  }
  return tombstones;
}

/** A row leaves no property behind that only an older schema has, so every column is recorded before its first row. */
async function addColumns(
  transaction: Transaction,
  groups: readonly Group[],
  known: ReadonlyMap<string, TargetRecord>,
): Promise<void> {
  const rows = groups.flatMap(({ layout, gone }) => {
    const id = recordId(layout.target.name);
    const recorded = known.get(id)?.columns ?? [];
    const isKnown = layout.columns.every((name) => recorded.includes(name));
    return isKnown ? [] : [[id, [...layout.columns, ...gone]]];
  });
  if (rows.length > 0) await transaction.run(cypher.ADD_COLUMNS, { rows });
}
