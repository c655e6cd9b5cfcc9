import type { Driver, Transaction } from 'neo4j-driver';

/** The server ends a transaction that takes longer, which also frees its locks when a client vanished. */
const TRANSACTION_TIMEOUT_MS = 60_000;

/** Runs `work` in one transaction: committed (durable) when it resolves, rolled back when it throws. */
export async function inTransaction<Result>(
  driver: Driver,
  database: string,
  work: (transaction: Transaction) => Promise<Result>,
  timeoutMs = TRANSACTION_TIMEOUT_MS,
): Promise<Result> {
  const session = driver.session({ database });
  try {
    const transaction = await session.beginTransaction({ timeout: timeoutMs });
    const result = await work(transaction);
    await transaction.commit();
    return result;
  } finally {
    // Rolls back what is still open.
    await session.close();
  }
}
