import { int, type Driver, type Transaction } from 'neo4j-driver';
import type { Logger } from '../../core/logger.ts';
import { DROP_LOOSE_PLACEHOLDERS, LOCK } from './statements.ts';
import { inTransaction } from './transaction.ts';

/** Rows a transaction in work on rows that are stored already. */
const BATCH_ROWS = 5_000;
/** Each of them looks at all nodes of a label, about a second for a million. */
const BATCH_TIMEOUT_MS = 600_000;

export interface Database {
  readonly driver: Driver;
  readonly name: string;
  readonly log: Logger;
}

/** What a batch does in its transaction with the elements that its statement answered. */
type Next = (transaction: Transaction, ids: readonly string[], loose: Set<string>) => Promise<void>;

/**
 * Runs a statement with `$limit` again and again, until it answers fewer records than that; answers the sum. Each
 * transaction takes the writers' lock, so no row moves meanwhile, and drops the placeholders that nothing holds any more
 * among the nodes that the statement answers as `loose` and `other`.
 */
export async function inBatches(
  database: Database,
  text: string,
  parameters: Readonly<Record<string, unknown>> = {},
  next: Next = () => Promise.resolve(),
): Promise<number> {
  let sum = 0;
  for (let count = BATCH_ROWS; count === BATCH_ROWS; sum += count) {
    count = await inTransaction(
      database.driver,
      database.name,
      async (transaction) => {
        await transaction.run(LOCK);
        const { records } = await transaction.run(text, { ...parameters, limit: int(BATCH_ROWS) });
        const ids = records.flatMap((record) => [...record.values()].map(String));
        const loose = new Set(ids);
        await next(transaction, ids, loose);
        await transaction.run(DROP_LOOSE_PLACEHOLDERS, { ids: [...loose] });
        return records.length;
      },
      BATCH_TIMEOUT_MS,
    );
  }
  return sum;
}
