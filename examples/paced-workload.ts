import type pg from 'pg';
import type { ChangeCounts, WorkloadOptions, WorkloadTotals } from './example.ts';
import { pause } from './pause.ts';
import {
  connect,
  isConnectionError,
  isRetriable,
  reconnect,
  type PostgresConnection,
} from './postgres-connection.ts';
import { randomFor, type Random } from './random.ts';
import { startSchedule } from './schedule.ts';

export type Row = Record<string, unknown>;

/** What one transaction of a workload may use. */
export interface Transaction {
  random: Random;
  /** Row changes that are due now, at least 1. */
  due: number;
  /** Rows changed so far in this transaction. */
  changed(): number;
  /** Runs a statement that changes rows of `table`, counts them, and returns what it returns. */
  change(
    table: string,
    operation: keyof ChangeCounts,
    sql: string,
    values?: readonly unknown[],
  ): Promise<Row[]>;
  /** Runs a statement that changes nothing. */
  read(sql: string, values?: readonly unknown[]): Promise<Row[]>;
}

/** Makes the changes of one transaction; it runs between BEGIN and the end that it returns. */
export type TransactionBody = (transaction: Transaction) => Promise<'commit' | 'rollback'>;

/**
 * Runs transactions one after another so that, over time, `rate` rows change per second. A slow commit is caught up;
 * after a lost connection the schedule starts anew, so that an outage is not followed by a burst.
 */
export async function runPacedWorkload(
  options: WorkloadOptions,
  body: TransactionBody,
): Promise<WorkloadTotals> {
  const { url, rate, signal, seed = 1, onProgress = () => {} } = options;
  if (!(rate > 0)) throw new RangeError(`A workload's rate must be above 0 changes per second, not ${rate}.`);
  const random = randomFor(seed);
  const totals = noChanges();

  let connection: PostgresConnection | undefined = await connect(url);
  while (connection !== undefined) {
    try {
      const schedule = startSchedule(rate);
      while (!signal.aborted && !connection.isLost()) {
        schedule.done(await runTransaction(connection, totals, body, { random, due: schedule.due() }));
        onProgress(totals);
        await pause(schedule.waitMs(), signal);
      }
    } finally {
      await connection.close();
    }
    connection = signal.aborted ? undefined : await reconnect(url, signal);
    if (connection !== undefined) totals.reconnects += 1;
  }
  return totals;
}

function noChanges(): WorkloadTotals {
  return {
    changes: {},
    committedTransactions: 0,
    rolledBackTransactions: 0,
    unknownTransactions: 0,
    reconnects: 0,
  };
}

/** Returns the number of committed row changes: 0 after a rollback or a broken connection. */
async function runTransaction(
  connection: PostgresConnection,
  totals: WorkloadTotals,
  body: TransactionBody,
  given: Pick<Transaction, 'random' | 'due'>,
): Promise<number> {
  const { client } = connection;
  const pending: WorkloadTotals['changes'] = {};
  let isCommitting = false;
  try {
    await client.query('BEGIN');
    const outcome = await body({ ...given, ...countingQueries(client, pending) });
    isCommitting = outcome === 'commit';
    await client.query(outcome);
    if (!isCommitting) {
      totals.rolledBackTransactions += 1;
      return 0;
    }
    totals.committedTransactions += 1;
    return addChanges(totals.changes, pending);
  } catch (error) {
    if (connection.isLost() || isConnectionError(error)) {
      connection.markLost();
      if (isCommitting) totals.unknownTransactions += 1;
      return 0;
    }
    if (!isRetriable(error)) throw error;
    await client.query('ROLLBACK').catch(connection.markLost);
    totals.rolledBackTransactions += 1;
    return 0;
  }
}

function countingQueries(
  client: pg.Client,
  changes: WorkloadTotals['changes'],
): Pick<Transaction, 'changed' | 'change' | 'read'> {
  let changed = 0;
  return {
    changed: () => changed,
    change: async (table, operation, sql, values = []) => {
      const result = await client.query<Row>(sql, [...values]);
      const counts = (changes[table] ??= { insert: 0, update: 0, delete: 0 });
      counts[operation] += result.rowCount ?? 0;
      changed += result.rowCount ?? 0;
      return result.rows;
    },
    read: async (sql, values = []) => (await client.query<Row>(sql, [...values])).rows,
  };
}

/** Adds to the totals and returns how many changes were added. */
function addChanges(totals: WorkloadTotals['changes'], changes: WorkloadTotals['changes']): number {
  let added = 0;
  for (const [table, counts] of Object.entries(changes)) {
    const total = (totals[table] ??= { insert: 0, update: 0, delete: 0 });
    for (const operation of ['insert', 'update', 'delete'] as const) {
      total[operation] += counts[operation];
      added += counts[operation];
    }
  }
  return added;
}
