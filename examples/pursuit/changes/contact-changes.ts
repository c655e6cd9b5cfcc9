import type { Row, Transaction } from '../../paced-workload.ts';
import { contactValues, phoneNumber } from '../rows.ts';
import { ACCOUNT_OWNERS, DEPARTMENTS } from '../vocabulary.ts';
import { insertRow, someId, type Change } from './change.ts';

export const CONTACT_CHANGES: readonly Change[] = [
  { weight: 20, apply: addContact },
  { weight: 12, apply: changeJob },
  { weight: 8, apply: changePhone },
  { weight: 6, apply: moveToAnotherPlace },
  { weight: 6, apply: changeOwner },
  { weight: 3, apply: verifyAndThenOwn },
  { weight: 10, apply: removeContact },
  { weight: 2, apply: replaceUnderSameKey },
];

async function addContact(transaction: Transaction): Promise<void> {
  const [place] = await transaction.read(
    `SELECT id, website FROM places WHERE id = ${someId('places', '$1')}`,
    [transaction.random.next()],
  );
  if (place !== undefined) await addContactTo(transaction, place);
}

export async function addContactTo(transaction: Transaction, place: Row): Promise<void> {
  const values = contactValues(transaction.random, String(place['website']));
  await insertRow(transaction, 'contacts', { place_id: String(place['id']), ...values });
}

async function changeJob(transaction: Transaction): Promise<void> {
  const { random } = transaction;
  const department = random.pick(DEPARTMENTS);
  const title = random.pick(department.titles);
  await updateContact(transaction, 'department = $2, title = $3, is_decision_maker = $4', [
    department.name,
    title,
    title === department.titles[0],
  ]);
}

async function changePhone(transaction: Transaction): Promise<void> {
  const { random } = transaction;
  await updateContact(transaction, 'phone = $2', [random.chance(0.2) ? null : phoneNumber(random)]);
}

async function moveToAnotherPlace(transaction: Transaction): Promise<void> {
  await updateContact(transaction, `place_id = ${someId('places', '$2')}`, [transaction.random.next()]);
}

async function changeOwner(transaction: Transaction): Promise<void> {
  const { random } = transaction;
  await updateContact(transaction, 'account_owner = $2', [
    random.chance(0.25) ? null : random.pick(ACCOUNT_OWNERS),
  ]);
}

/** Changes the same row twice in one transaction: only the second state may be seen afterwards. */
async function verifyAndThenOwn(transaction: Transaction): Promise<void> {
  const { random } = transaction;
  const point = random.next();
  await updateContact(transaction, 'verified_on = current_date, confidence = 1', [], point);
  await updateContact(transaction, 'account_owner = $2', [random.pick(ACCOUNT_OWNERS)], point);
}

/** `assignments` may use the parameters from $2 on; `point` picks the contact. */
async function updateContact(
  transaction: Transaction,
  assignments: string,
  values: readonly unknown[],
  point: number = transaction.random.next(),
): Promise<void> {
  await transaction.change(
    'contacts',
    'update',
    `UPDATE contacts SET ${assignments}, updated_at = now() WHERE id = ${someId('contacts', '$1')}`,
    [point, ...values],
  );
}

async function removeContact(transaction: Transaction): Promise<Row | undefined> {
  const [contact] = await transaction.read(`SELECT ${someId('contacts', '$1')} AS id`, [
    transaction.random.next(),
  ]);
  const id = contact?.['id'];
  await transaction.change(
    'customer_contact_relation',
    'delete',
    'DELETE FROM customer_contact_relation WHERE contact_id = $1',
    [id],
  );
  const [removed] = await transaction.change(
    'contacts',
    'delete',
    "DELETE FROM contacts WHERE id = $1 RETURNING id, place_id, substring(email from position('@' in email) + 1) AS domain",
    [id],
  );
  return removed;
}

/** Deletes a contact and inserts another person under the same key, in one transaction. */
async function replaceUnderSameKey(transaction: Transaction): Promise<void> {
  const removed = await removeContact(transaction);
  if (removed === undefined) return;
  await insertRow(transaction, 'contacts', {
    id: String(removed['id']),
    place_id: String(removed['place_id']),
    ...contactValues(transaction.random, `https://${String(removed['domain'])}`),
  });
}
