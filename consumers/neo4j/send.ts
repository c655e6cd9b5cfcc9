import type { Record as Answer, RecordShape, Transaction } from 'neo4j-driver';

/** The server works on one statement while the driver packs the rows of the next. */
const ROWS_PER_STATEMENT = 500;

/** Runs a statement on all rows, a few hundred at a time, without waiting between them; answers the records of all. */
export async function send<Shape extends RecordShape>(
  transaction: Transaction,
  text: string,
  rows: readonly unknown[],
): Promise<Answer<Shape>[]> {
  const results = [];
  for (let first = 0; first < rows.length; first += ROWS_PER_STATEMENT)
    results.push(transaction.run<Shape>(text, { rows: rows.slice(first, first + ROWS_PER_STATEMENT) }));
  return (await Promise.all(results)).flatMap(({ records }) => records);
}
