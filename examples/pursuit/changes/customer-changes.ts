import type { Transaction } from '../../paced-workload.ts';
import { customerValues, mappingValues } from '../rows.ts';
import { ACCOUNT_OWNERS, NOTE_SENTENCES } from '../vocabulary.ts';
import { insertRow, someId, someNewId, type Change } from './change.ts';
import { CONTACT_GRANTS, grantTo, PLACE_GRANTS } from './grant-changes.ts';

export const CUSTOMER_CHANGES: readonly Change[] = [
  { weight: 0.5, apply: signCustomer },
  { weight: 3, apply: changeSeats },
  { weight: 1, apply: addNote },
  { weight: 0.1, apply: removeCustomer },
  { weight: 12, apply: syncMapping },
  { weight: 2, apply: changeMappingOwner },
  { weight: 1, apply: addMapping },
  { weight: 0.7, apply: removeMapping },
];

/** A new customer comes with a CRM record and with its first grants, all in one transaction. */
async function signCustomer(transaction: Transaction): Promise<void> {
  const { random } = transaction;
  const customer = await insertRow(transaction, 'customer', customerValues(random));
  await insertMapping(transaction, customer['id']);
  for (let grants = random.between(1, 3); grants > 0; grants -= 1) {
    await grantTo(transaction, CONTACT_GRANTS, customer['id']);
    await grantTo(transaction, PLACE_GRANTS, customer['id']);
  }
}

/** Leaves the notes alone, which makes a long note an unchanged value that Postgres does not send. */
async function changeSeats(transaction: Transaction): Promise<void> {
  const { random } = transaction;
  await transaction.change(
    'customer',
    'update',
    `UPDATE customer
     SET seats = $2, settings = jsonb_set(settings, '{seat_limit}', to_jsonb($2::int)), is_active = $3, updated_at = now()
     WHERE id = ${someId('customer', '$1')}`,
    [random.next(), random.between(1, 400), random.chance(0.95)],
  );
}

/** The newest note stands first; the text is cut so that it does not grow for ever. */
async function addNote(transaction: Transaction): Promise<void> {
  const { random } = transaction;
  await transaction.change(
    'customer',
    'update',
    `UPDATE customer SET notes = left(concat_ws(' ', $2::text, notes), 8000), updated_at = now()
     WHERE id = ${someId('customer', '$1')}`,
    [random.next(), random.pick(NOTE_SENTENCES)],
  );
}

async function removeCustomer(transaction: Transaction): Promise<void> {
  const [customer] = await transaction.read(`SELECT ${someNewId('customer', '$1')} AS id`, [
    transaction.random.next(),
  ]);
  const id = customer?.['id'];
  for (const table of ['customer_contact_relation', 'customer_place_relation', 'customer_mapping']) {
    await transaction.change(table, 'delete', `DELETE FROM ${table} WHERE customer_id = $1`, [id]);
  }
  await transaction.change('customer', 'delete', 'DELETE FROM customer WHERE id = $1', [id]);
}

/** Takes the record that has waited longest, as the sync job does. */
async function syncMapping(transaction: Transaction): Promise<void> {
  await transaction.change(
    'customer_mapping',
    'update',
    `UPDATE customer_mapping SET last_synced_time = clock_timestamp()
     WHERE external_crm_id = (
       SELECT external_crm_id FROM customer_mapping
       WHERE sync_enabled ORDER BY last_synced_time NULLS FIRST LIMIT 1)`,
  );
}

async function changeMappingOwner(transaction: Transaction): Promise<void> {
  const { random } = transaction;
  await transaction.change(
    'customer_mapping',
    'update',
    `UPDATE customer_mapping SET account_owner = $2 WHERE customer_id = ${someId('customer', '$1')}`,
    [random.next(), random.pick(ACCOUNT_OWNERS)],
  );
}

async function addMapping(transaction: Transaction): Promise<void> {
  const [customer] = await transaction.read(`SELECT ${someId('customer', '$1')} AS id`, [
    transaction.random.next(),
  ]);
  if (customer !== undefined) await insertMapping(transaction, customer['id']);
}

async function insertMapping(transaction: Transaction, customerId: unknown): Promise<void> {
  const values = { customer_id: Number(customerId), ...mappingValues(transaction.random) };
  await insertRow(transaction, 'customer_mapping', values);
}

async function removeMapping(transaction: Transaction): Promise<void> {
  await transaction.change(
    'customer_mapping',
    'delete',
    `DELETE FROM customer_mapping WHERE external_crm_id = (
       SELECT external_crm_id FROM customer_mapping
       WHERE customer_id >= ${someId('customer', '$1')} ORDER BY customer_id LIMIT 1)`,
    [transaction.random.next()],
  );
}
