import type { Transaction } from 'neo4j-driver';
import { recordId, type Layout } from './layout.ts';
import type { GraphWrite } from './mapping.ts';
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
  /** Ids of the writes whose keys have a tombstone. */
  readonly tombstones: ReadonlyMap<string, string>;
}

interface TargetRecord {
  readonly truncated: string | null;
  readonly columns: readonly string[] | null;
}

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
    counted[0]?.get('count') === 0n ? new Map<string, string>() : await readTombstones(transaction, writes);
  const isStale = ({ id, layout, position }: GraphWrite): boolean =>
    (tombstones.get(id) ?? '') > position ||
    (known.get(recordId(layout.target.name))?.truncated ?? '') > position;
  const groups = [...byLayout].map(([layout, own]): Group => {
    const fresh = own.filter((write) => !isStale(write));
    return {
      layout,
      gone: (known.get(recordId(layout.target.name))?.columns ?? []).filter(
        (name) => !layout.columns.includes(name),
      ),
      upserts: fresh.filter(({ op }) => op === 'upsert'),
      deletes: fresh.filter(({ op }) => op === 'delete'),
    };
  });
  await addColumns(transaction, groups, known);
  return { groups, stale: writes.filter(isStale), tombstones };
}

async function readTombstones(
  transaction: Transaction,
  writes: readonly GraphWrite[],
): Promise<ReadonlyMap<string, string>> {
  const records = await send<{ found: [string, string][] }>(
    transaction,
    cypher.READ_TOMBSTONES,
    writes.map(({ id }) => id),
  );
  return new Map(records.flatMap((record) => record.get('found')));
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
