import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { textChunks, type CopyRow } from './copy.ts';
import { sizesAt } from './rows.ts';
import { generatedTables } from './tables.ts';
import { PLACE_TYPES, STATES } from './vocabulary.ts';

/** All rows of all tables at a fifth of a hundredth: 300 places, 9,000 contacts, 4 customers. */
function generate(seed = 1, scale = 0.002): Record<string, CopyRow[]> {
  const tables = generatedTables(seed, sizesAt(scale));
  return Object.fromEntries(tables.map((table) => [table.name, [...table.rows()]]));
}

/** 3,000 places, 90,000 contacts, 40 customers: enough to look at shares. */
const large = generate(1, 0.02);

function hashOf(tables: Record<string, CopyRow[]>): string {
  const hash = createHash('sha256');
  for (const [name, rows] of Object.entries(tables)) {
    hash.update(name);
    for (const chunk of textChunks(Object.keys(rows[0] ?? {}), rows)) hash.update(chunk);
  }
  return hash.digest('hex');
}

const values = (rows: readonly CopyRow[] | undefined, column: string): unknown[] =>
  (rows ?? []).map((row) => row[column]);

test('the same seed and scale give the same rows, byte for byte, on every machine', () => {
  expect(hashOf(generate())).toBe('dbfe62e04c58fb7418ad4cacb9044861ece6d76f360d352924897dcd182dab13');
});

test('another seed gives other rows', () => {
  expect(hashOf(generate(2))).not.toBe(hashOf(generate(1)));
});

test('full size is 150,000 places and 4.5 million contacts', () => {
  expect(sizesAt(1)).toEqual({ customer: 2_000, places: 150_000, contacts: 4_500_000 });
});

test('the smallest scale still has a row of each parent', () => {
  expect(sizesAt(0.000_001)).toEqual({ customer: 1, places: 1, contacts: 5 });
  const tables = generate(1, 0.000_001);
  expect(tables['customer_contact_relation']).toHaveLength(5);
  expect(tables['customer_place_relation']).toHaveLength(1);
});

test.each([
  ['contacts', 'place_id', 'places'],
  ['customer_contact_relation', 'customer_id', 'customer'],
  ['customer_contact_relation', 'contact_id', 'contacts'],
  ['customer_place_relation', 'customer_id', 'customer'],
  ['customer_place_relation', 'place_id', 'places'],
  ['customer_mapping', 'customer_id', 'customer'],
  ['tech_stack', 'place_id', 'places'],
])('every %s.%s is a row of %s', (table, column, parent) => {
  const tables = generate();
  const parents = new Set(values(tables[parent], 'id'));
  const children = values(tables[table], column);
  expect(children.length).toBeGreaterThan(0);
  expect(children.filter((key) => !parents.has(key))).toEqual([]);
});

test.each([
  ['customer', ['id']],
  ['customer', ['public_id']],
  ['places', ['id']],
  ['contacts', ['id']],
  ['customer_contact_relation', ['customer_id', 'contact_id']],
  ['customer_place_relation', ['customer_id', 'place_id']],
  ['customer_mapping', ['external_crm_id']],
  ['tech_stack', ['id']],
])('no two rows of %s have the same %s', (table, key) => {
  const rows = large[table] ?? [];
  const keys = new Set(rows.map((row) => key.map((column) => row[column]).join(':')));
  expect(keys.size).toBe(rows.length);
});

test('the tables are as large as announced', () => {
  const sizes = sizesAt(0.02);
  for (const { name, expectedRows } of generatedTables(1, sizes)) {
    expect(large[name]?.length, name).toBeGreaterThan(expectedRows * 0.8);
    expect(large[name]?.length, name).toBeLessThan(expectedRows * 1.2);
  }
});

test('every state and every type of place occurs, large states more often', () => {
  const places = large['places'];
  const states = values(places, 'state_abbr');
  expect(new Set(states)).toEqual(new Set(STATES.map((state) => state.abbr)));
  expect(new Set(values(places, 'type'))).toEqual(new Set(PLACE_TYPES.map(({ type }) => type)));
  const count = (abbr: string): number => states.filter((state) => state === abbr).length;
  expect(count('CA')).toBeGreaterThan(count('VT') * 5);
});

test('contacts are spread over all places', () => {
  expect(new Set(values(large['contacts'], 'place_id')).size).toBe(large['places']?.length);
});

test('a contact has an address at its place, in a domain kept for examples, and a telephone number kept for examples', () => {
  const tables = generate();
  const websites = new Map(tables['places']?.map((place) => [place['id'], place['website']]));
  for (const contact of tables['contacts'] ?? []) {
    const domain = String(contact['email']).split('@')[1];
    expect(`https://${domain}`).toBe(websites.get(contact['place_id']));
    expect(contact['email']).toMatch(/^[a-z]+\.[a-z]+@[a-z]+-[a-z]{2}\.example\.(gov|org)$/);
    expect(contact['phone'] ?? '(202) 555-0100').toMatch(/^\([2-9]\d\d\) 555-01\d\d$/);
  }
});

test('rows hold what is hard to carry: nulls, letters beyond ASCII, line breaks, long text, microseconds', () => {
  const notes = values(large['customer'], 'notes').filter((note) => typeof note === 'string');
  expect(values(large['contacts'], 'account_owner')).toContain(null);
  expect(values(large['contacts'], 'name').some((name) => /[^\p{ASCII}]/u.test(String(name)))).toBe(true);
  expect(notes.some((note) => note.includes('\n') && note.includes('\\'))).toBe(true);
  expect(notes.some((note) => note.length > 2_500)).toBe(true);
  expect(values(large['customer_mapping'], 'last_synced_time').join()).toMatch(/\.\d{5}[1-9]Z/);
});

test('nothing was changed before it was made', () => {
  for (const table of ['contacts', 'places', 'customer']) {
    for (const row of large[table] ?? []) {
      if (String(row['updated_at']) < String(row['created_at'])) expect.fail(`${table} ${row['id']}`);
    }
  }
});
