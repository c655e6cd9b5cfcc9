import type { Transaction } from '../../paced-workload.ts';
import { newPlaceIdentity, placeValues, techStackValues } from '../rows.ts';
import { insertRow, someId, someNewId, type Change } from './change.ts';
import { addContactTo } from './contact-changes.ts';

export const PLACE_CHANGES: readonly Change[] = [
  { weight: 0.7, apply: openPlace },
  { weight: 4, apply: countPeople },
  { weight: 2, apply: passBudget },
  { weight: 0.15, apply: closePlace },
  { weight: 4, apply: adoptProduct },
  { weight: 4, apply: changeCost },
  { weight: 3, apply: dropProduct },
];

/** A new place comes with its first contacts and a product, all in one transaction. */
async function openPlace(transaction: Transaction): Promise<void> {
  const { random } = transaction;
  const place = await insertRow(transaction, 'places', placeValues(random, newPlaceIdentity(random)));
  for (let contacts = random.between(1, 3); contacts > 0; contacts -= 1) {
    await addContactTo(transaction, place);
  }
  await insertProduct(transaction, place['id']);
}

async function countPeople(transaction: Transaction): Promise<void> {
  const { random } = transaction;
  await transaction.change(
    'places',
    'update',
    `UPDATE places SET population = round(population * $2::numeric), updated_at = now()
     WHERE id = ${someId('places', '$1')}`,
    [random.next(), (0.97 + random.next() * 0.06).toFixed(4)],
  );
}

async function passBudget(transaction: Transaction): Promise<void> {
  const { random } = transaction;
  await transaction.change(
    'places',
    'update',
    `UPDATE places SET annual_budget_cents = $2, updated_at = now() WHERE id = ${someId('places', '$1')}`,
    [random.next(), random.chance(0.05) ? null : random.between(100_000_00, 90_000_000_00)],
  );
}

/** Removes a place with everything that hangs on it, the dependent rows first. */
async function closePlace(transaction: Transaction): Promise<void> {
  const [place] = await transaction.read(`SELECT ${someNewId('places', '$1')} AS id`, [
    transaction.random.next(),
  ]);
  const id = place?.['id'];
  await transaction.change(
    'customer_contact_relation',
    'delete',
    `DELETE FROM customer_contact_relation
     WHERE contact_id IN (SELECT id FROM contacts WHERE place_id = $1)`,
    [id],
  );
  for (const table of ['contacts', 'customer_place_relation', 'tech_stack']) {
    await transaction.change(table, 'delete', `DELETE FROM ${table} WHERE place_id = $1`, [id]);
  }
  await transaction.change('places', 'delete', 'DELETE FROM places WHERE id = $1', [id]);
}

async function adoptProduct(transaction: Transaction): Promise<void> {
  const [place] = await transaction.read(`SELECT ${someId('places', '$1')} AS id`, [
    transaction.random.next(),
  ]);
  if (place !== undefined) await insertProduct(transaction, place['id']);
}

async function insertProduct(transaction: Transaction, placeId: unknown): Promise<void> {
  const values = { place_id: String(placeId), ...techStackValues(transaction.random) };
  await insertRow(transaction, 'tech_stack', values);
}

async function changeCost(transaction: Transaction): Promise<void> {
  const { random } = transaction;
  await transaction.change(
    'tech_stack',
    'update',
    `UPDATE tech_stack SET annual_cost = round(annual_cost * $2::numeric, 2), updated_at = now()
     WHERE id = ${someId('tech_stack', '$1')}`,
    [random.next(), (0.9 + random.next() * 0.2).toFixed(4)],
  );
}

async function dropProduct(transaction: Transaction): Promise<void> {
  await transaction.change(
    'tech_stack',
    'delete',
    `DELETE FROM tech_stack WHERE id = ${someId('tech_stack', '$1')}`,
    [transaction.random.next()],
  );
}
