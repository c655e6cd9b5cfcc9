import type pg from 'pg';
import type { Logger } from '../core/logger.ts';
import { qualifiedName, type TableSchema } from '../schemas/table-schema.ts';
import { readLeaves, type Leaf } from './postgres/tables/partitions.ts';

type Leaves = ReadonlyMap<number, Leaf>;

/**
 * Tells of rows that leave a partitioned table, or come to it, with a whole partition. Changes are published under the name of the
 * partitioned table, and Postgres then tells nothing of what is done to one partition as a table: a TRUNCATE of it, a DROP, a
 * DETACH, an ATTACH. What happens while no producer runs is not seen.
 */
export class PartitionWatch {
  readonly #log: Pick<Logger, 'info' | 'warn'>;
  #known: ReadonlyMap<number, Leaves> = new Map();

  constructor(log: Pick<Logger, 'info' | 'warn'>) {
    this.#log = log;
  }

  /** Looks at the partitions of these tables; those of a table that is new here are taken as they are. */
  async check(
    client: pg.Client,
    captured: readonly { readonly oid: number; readonly table: TableSchema }[],
  ): Promise<void> {
    const found = await readLeaves(
      client,
      captured.map(({ oid }) => oid),
    );
    for (const { oid, table } of captured) {
      const [before, after] = [this.#known.get(oid), found.get(oid)];
      if (before === undefined || after === undefined) continue;
      for (const { partition, what } of lossesOf(before, after))
        this.#log.warn(
          { table: qualifiedName(table), partition },
          `the partition ${what}: Postgres does not tell which rows went with it, and they stay in the topic and in the stores; ` +
            'delete the rows (DELETE) before a partition is truncated, detached or dropped, where the stores shall lose them',
        );
      for (const [leaf, { name }] of after)
        if (!before.has(leaf))
          this.#log.info(
            { table: qualifiedName(table), partition: name },
            `the table has a new partition; if it was attached with rows, "tailrace snapshot ${qualifiedName(table)}" reads them`,
          );
    }
    this.#known = found;
  }
}

/** Partitions whose rows may be gone. All files at once are those of a truncate of the table itself, which the stream tells. */
export function lossesOf(
  before: Leaves,
  after: Leaves,
): { readonly partition: string; readonly what: string }[] {
  const stayed = [...before].filter(([oid]) => after.has(oid));
  const replaced = stayed.filter(([oid, { file }]) => after.get(oid)?.file !== file);
  const gone = [...before].filter(([oid]) => !after.has(oid));
  return [
    ...gone.map(([, { name }]) => ({ partition: name, what: 'was detached or dropped' })),
    ...(replaced.length === stayed.length && stayed.length > 1 ? [] : replaced).map(([, { name }]) => ({
      partition: name,
      what: 'was truncated or written anew',
    })),
  ];
}
