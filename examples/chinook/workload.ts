import type { WorkloadOptions, WorkloadTotals } from '../example.ts';
import { runPacedWorkload, type Transaction } from '../paced-workload.ts';
import { pickWeighted } from '../weighted.ts';

interface Change {
  weight: number;
  apply(transaction: Transaction): Promise<unknown>;
}

const CHANGES: readonly Change[] = [
  { weight: 3, apply: sellTracks },
  { weight: 1, apply: refundInvoice },
  { weight: 4, apply: changeCustomerPhone },
  { weight: 1, apply: changeTrackPrice },
  { weight: 5, apply: addToPlaylist },
  { weight: 4, apply: removeFromPlaylist },
];

const MOST_CHANGES_AT_ONCE = 100;

/**
 * Sells, refunds and edits, `rate` row changes per second, until the signal fires. One workload at a time: the sample's
 * tables have no sequences, so a new key is the highest one plus one.
 */
export function runWorkload(options: WorkloadOptions): Promise<WorkloadTotals> {
  return runPacedWorkload(options, someChanges);
}

async function someChanges(transaction: Transaction): Promise<'commit' | 'rollback'> {
  const { random } = transaction;
  do {
    await pickWeighted(random, CHANGES).apply(transaction);
  } while (transaction.changed() < Math.min(transaction.due, MOST_CHANGES_AT_ONCE));
  return random.chance(1 / 30) ? 'rollback' : 'commit';
}

/** An invoice with its lines; the total is known at the end, so the new invoice is changed in its own transaction. */
async function sellTracks(transaction: Transaction): Promise<void> {
  const { random } = transaction;
  const [invoice] = await transaction.change(
    'invoice',
    'insert',
    `INSERT INTO invoice
     SELECT (SELECT coalesce(max(invoice_id), 0) + 1 FROM invoice), customer_id, localtimestamp,
       address, city, state, country, postal_code, 0
     FROM customer WHERE ${isSome('customer', '$1')} RETURNING invoice_id`,
    [random.next()],
  );
  const invoiceId = invoice?.['invoice_id'];
  for (let lines = random.between(1, 5); lines > 0; lines -= 1) {
    await transaction.change(
      'invoice_line',
      'insert',
      `INSERT INTO invoice_line
       SELECT (SELECT coalesce(max(invoice_line_id), 0) + 1 FROM invoice_line), $2, track_id, unit_price, 1
       FROM track WHERE ${isSome('track', '$1')}`,
      [random.next(), invoiceId],
    );
  }
  await transaction.change(
    'invoice',
    'update',
    `UPDATE invoice
     SET total = (SELECT sum(unit_price * quantity) FROM invoice_line WHERE invoice_line.invoice_id = $1)
     WHERE invoice_id = $1`,
    [invoiceId],
  );
}

async function refundInvoice(transaction: Transaction): Promise<void> {
  const [invoice] = await transaction.read(
    `SELECT invoice_id FROM invoice WHERE ${isSome('invoice', '$1')}`,
    [transaction.random.next()],
  );
  for (const table of ['invoice_line', 'invoice']) {
    await transaction.change(table, 'delete', `DELETE FROM ${table} WHERE invoice_id = $1`, [
      invoice?.['invoice_id'],
    ]);
  }
}

async function changeCustomerPhone(transaction: Transaction): Promise<void> {
  const { random } = transaction;
  await transaction.change(
    'customer',
    'update',
    `UPDATE customer SET phone = $2 WHERE ${isSome('customer', '$1')}`,
    [random.next(), `+1 (${random.between(201, 989)}) 555-01${random.between(10, 99)}`],
  );
}

async function changeTrackPrice(transaction: Transaction): Promise<void> {
  const { random } = transaction;
  await transaction.change(
    'track',
    'update',
    `UPDATE track SET unit_price = $2 WHERE ${isSome('track', '$1')}`,
    [random.next(), random.pick(['0.79', '0.99', '1.29', '1.99'])],
  );
}

async function addToPlaylist(transaction: Transaction): Promise<void> {
  const { random } = transaction;
  await transaction.change(
    'playlist_track',
    'insert',
    `INSERT INTO playlist_track
     SELECT playlist_id, track_id FROM playlist, track
     WHERE ${isSome('playlist', '$1')} AND ${isSome('track', '$2')} ON CONFLICT DO NOTHING`,
    [random.next(), random.next()],
  );
}

async function removeFromPlaylist(transaction: Transaction): Promise<void> {
  const { random } = transaction;
  await transaction.change(
    'playlist_track',
    'delete',
    `DELETE FROM playlist_track WHERE (playlist_id, track_id) = (
       SELECT playlist_id, track_id FROM playlist_track
       WHERE track_id >= floor($1::float8 * (SELECT max(track_id) FROM track))::int
       ORDER BY track_id, playlist_id LIMIT 1)`,
    [random.next()],
  );
}

/** SQL that is true for one row: the first at or after a random point of the key's range; `point` is in [0, 1). */
function isSome(table: 'customer' | 'invoice' | 'playlist' | 'track', point: string): string {
  const key = `${table}_id`;
  return `${table}.${key} = (
    SELECT ${key} FROM ${table}
    WHERE ${key} >= floor(${point}::float8 * (SELECT max(${key}) FROM ${table}))::int ORDER BY ${key} LIMIT 1)`;
}
