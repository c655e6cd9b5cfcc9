import type { Transaction } from '../../paced-workload.ts';
import { ACCESS_TYPES } from '../vocabulary.ts';
import { someId, type Change } from './change.ts';

/** A table that says which customer may see which row of another table. */
export interface GrantTable {
  table: 'customer_contact_relation' | 'customer_place_relation';
  key: 'contact_id' | 'place_id';
  seen: 'contacts' | 'places';
}

export const CONTACT_GRANTS: GrantTable = {
  table: 'customer_contact_relation',
  key: 'contact_id',
  seen: 'contacts',
};
export const PLACE_GRANTS: GrantTable = {
  table: 'customer_place_relation',
  key: 'place_id',
  seen: 'places',
};

export const GRANT_CHANGES: readonly Change[] = [
  { weight: 6, apply: (transaction) => addGrant(transaction, CONTACT_GRANTS) },
  { weight: 5, apply: (transaction) => changeAccess(transaction, CONTACT_GRANTS) },
  { weight: 2, apply: (transaction) => passOn(transaction, CONTACT_GRANTS) },
  { weight: 3, apply: (transaction) => revoke(transaction, CONTACT_GRANTS) },
  { weight: 2, apply: (transaction) => grantAnew(transaction, CONTACT_GRANTS) },
  { weight: 3, apply: (transaction) => addGrant(transaction, PLACE_GRANTS) },
  { weight: 3, apply: (transaction) => changeAccess(transaction, PLACE_GRANTS) },
  { weight: 1, apply: (transaction) => passOn(transaction, PLACE_GRANTS) },
  { weight: 1.5, apply: (transaction) => revoke(transaction, PLACE_GRANTS) },
  { weight: 1, apply: (transaction) => grantAnew(transaction, PLACE_GRANTS) },
];

async function addGrant(transaction: Transaction, grants: GrantTable): Promise<void> {
  const [customer] = await transaction.read(`SELECT ${someId('customer', '$1')} AS id`, [
    transaction.random.next(),
  ]);
  await grantTo(transaction, grants, customer?.['id']);
}

/** Lets one customer see some row; a grant that is there already stays as it is. */
export async function grantTo(
  transaction: Transaction,
  grants: GrantTable,
  customerId: unknown,
): Promise<void> {
  const { random } = transaction;
  await transaction.change(
    grants.table,
    'insert',
    `INSERT INTO ${grants.table} (customer_id, ${grants.key}, access_type)
     VALUES ($1, ${someId(grants.seen, '$2')}, $3) ON CONFLICT DO NOTHING`,
    [customerId, random.next(), random.pick(ACCESS_TYPES)],
  );
}

async function changeAccess(transaction: Transaction, grants: GrantTable): Promise<void> {
  const { random } = transaction;
  await transaction.change(
    grants.table,
    'update',
    `UPDATE ${grants.table} SET access_type = $3 WHERE ${isSomeGrant(grants)}`,
    [random.next(), random.next(), random.pick(ACCESS_TYPES)],
  );
}

/** Gives a grant to another row: an update of the primary key itself. */
async function passOn(transaction: Transaction, grants: GrantTable): Promise<void> {
  const { random } = transaction;
  const { table, key, seen } = grants;
  await transaction.change(
    table,
    'update',
    `UPDATE ${table} AS passed SET ${key} = successor.id, granted_at = now()
     FROM (SELECT ${someId(seen, '$3')} AS id) AS successor
     WHERE ${isSomeGrant(grants)}
       AND NOT EXISTS (
         SELECT FROM ${table} AS held
         WHERE held.customer_id = passed.customer_id AND held.${key} = successor.id)`,
    [random.next(), random.next(), random.next()],
  );
}

async function revoke(transaction: Transaction, grants: GrantTable): Promise<void> {
  await removeSomeGrant(transaction, grants);
}

/** Deletes a grant and inserts it again, under the same key, in one transaction. */
async function grantAnew(transaction: Transaction, grants: GrantTable): Promise<void> {
  const removed = await removeSomeGrant(transaction, grants);
  if (removed === undefined) return;
  await transaction.change(
    grants.table,
    'insert',
    `INSERT INTO ${grants.table} (customer_id, ${grants.key}, access_type) VALUES ($1, $2, $3)`,
    [removed['customer_id'], removed[grants.key], transaction.random.pick(ACCESS_TYPES)],
  );
}

async function removeSomeGrant(
  transaction: Transaction,
  grants: GrantTable,
): Promise<Record<string, unknown> | undefined> {
  const [removed] = await transaction.change(
    grants.table,
    'delete',
    `DELETE FROM ${grants.table} WHERE ${isSomeGrant(grants)} RETURNING *`,
    [transaction.random.next(), transaction.random.next()],
  );
  return removed;
}

/** SQL that is true for one grant, or for none near the end of the key's range; $1 and $2 are numbers in [0, 1). */
function isSomeGrant({ table, key, seen }: GrantTable): string {
  return `(customer_id, ${key}) = (
    SELECT customer_id, ${key} FROM ${table}
    WHERE (customer_id, ${key}) >= (${someId('customer', '$1')}, ${someId(seen, '$2')})
    ORDER BY customer_id, ${key} LIMIT 1)`;
}
