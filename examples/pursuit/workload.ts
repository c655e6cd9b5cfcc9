import type { WorkloadOptions, WorkloadTotals } from '../example.ts';
import { runPacedWorkload, type Transaction } from '../paced-workload.ts';
import { pickWeighted } from '../weighted.ts';
import { CONTACT_CHANGES } from './changes/contact-changes.ts';
import { CUSTOMER_CHANGES } from './changes/customer-changes.ts';
import { GRANT_CHANGES } from './changes/grant-changes.ts';
import { PLACE_CHANGES } from './changes/place-changes.ts';

const CHANGES = [...CONTACT_CHANGES, ...GRANT_CHANGES, ...CUSTOMER_CHANGES, ...PLACE_CHANGES];

/** A transaction that catches up stays short enough to finish promptly when the workload is told to stop. */
const MOST_CHANGES_AT_ONCE = 100;

/**
 * Inserts, updates and deletes rows of all seven tables, `rate` row changes per second, until the signal fires.
 * One workload at a time: it assumes that nobody else deletes the rows that it has just read.
 */
export function runWorkload(options: WorkloadOptions): Promise<WorkloadTotals> {
  return runPacedWorkload(options, someChanges);
}

/** Mostly one change, sometimes several; all that is due when the workload is behind. One in thirty is undone. */
async function someChanges(transaction: Transaction): Promise<'commit' | 'rollback'> {
  const { random } = transaction;
  const several = random.chance(0.2) ? random.between(2, 8) : 1;
  const wanted = Math.max(several, Math.min(transaction.due, MOST_CHANGES_AT_ONCE));
  do {
    await pickWeighted(random, CHANGES).apply(transaction);
  } while (transaction.changed() < wanted);
  return random.chance(1 / 30) ? 'rollback' : 'commit';
}
