import { randomBytes } from 'node:crypto';
import neo4j from 'neo4j-driver';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { compareAll } from './compare-all.ts';
import { compareCounts } from './compare-counts.ts';
import type { Comparison } from './comparison.ts';
import { serverUrl } from './hand-written.ts';

const schema = `eq_${randomBytes(4).toString('hex')}`;
// `eq_12ab_owner` is the label `Eq12abOwner` and the type `EQ_12AB_MAY_SEE`.
const prefix = `Eq${schema.slice(3, 4).toUpperCase()}${schema.slice(4)}`;
const maySee = `${schema.toUpperCase()}_MAY_SEE`;
const tables = ['owner', 'place', 'may_see'].map((name) => `${schema}.${name}`);
const stores = { graph: { type: 'neo4j', url: serverUrl('NEO4J_URL') } } as const;
const sides = { postgresUrl: serverUrl('DATABASE_URL'), tables, stores };

const postgres = new pg.Client({ connectionString: sides.postgresUrl });
const { protocol, host, username, password } = new URL(stores.graph.url);
const driver = neo4j.driver(`${protocol}//${host}`, neo4j.auth.basic(username, password));

async function cypher(statement: string): Promise<void> {
  const named = statement
    .replaceAll(':Owner', `:${prefix}Owner`)
    .replaceAll(':Place', `:${prefix}Place`)
    .replaceAll(':MAY_SEE', `:${maySee}`);
  await driver.executeQuery(named);
}

async function removeAll(): Promise<void> {
  await cypher('MATCH (n:Owner) DETACH DELETE n');
  await cypher('MATCH (n:Place) DETACH DELETE n');
}

async function compare(): Promise<Record<string, Comparison>> {
  const comparisons = await compareAll(sides);
  return Object.fromEntries(comparisons.map((result) => [result.table.slice(schema.length + 1), result]));
}

beforeAll(async () => {
  await postgres.connect();
  await postgres.query(`
    CREATE SCHEMA ${schema};
    SET search_path = ${schema};
    CREATE TABLE owner (id int PRIMARY KEY, boss_id int REFERENCES owner (id));
    CREATE TABLE place (id int8 PRIMARY KEY, owner_id int REFERENCES owner (id));
    CREATE TABLE may_see (
      owner_id int REFERENCES owner (id), place_id int8 REFERENCES place (id), access text, since timestamptz,
      PRIMARY KEY (owner_id, place_id)
    );
    INSERT INTO owner VALUES (1, NULL), (2, 1);
    INSERT INTO place VALUES (7, 1), (8, NULL);
    INSERT INTO may_see VALUES (1, 7, 'viewer', '2024-02-29 12:00:00.123456Z'), (2, 7, NULL, NULL);`);
});

beforeEach(async () => {
  await removeAll();
  await cypher(`
    CREATE (o1:Owner {id: 1, __pos: '0'}), (o2:Owner {id: 2, boss_id: 1, __pos: '0'}),
           (p7:Place {id: 7, owner_id: 1, __pos: '0'}), (p8:Place {id: 8, __pos: '0'}),
           (o2)-[:BOSS {__pos: '0'}]->(o1), (p7)-[:OWNER {__pos: '0'}]->(o1),
           (o1)-[:MAY_SEE {owner_id: 1, place_id: 7, access: 'viewer',
                           since: datetime('2024-02-29T12:00:00.123456Z'), __pos: '0'}]->(p7),
           (o2)-[:MAY_SEE {owner_id: 2, place_id: 7, __pos: '0'}]->(p7)`);
});

afterAll(async () => {
  await removeAll();
  await driver.close();
  await postgres.query(`DROP SCHEMA ${schema} CASCADE`);
  await postgres.end();
});

test('nodes, their foreign keys and rows that are relationships are equal', async () => {
  const { owner, place, may_see: relation } = await compare();
  expect(owner).toMatchObject({ samples: [], storeRows: 2, equal: true });
  expect(place).toMatchObject({ samples: [], storeRows: 2, equal: true });
  expect(relation).toMatchObject({ samples: [], storeRows: 2, equal: true });
});

test.each([
  ['leads to another row', 'MATCH (p:Place {id: 7})-[r:OWNER]->() MATCH (o:Owner {id: 2}) DELETE r CREATE (p)-[:OWNER]->(o)'], // prettier-ignore
  ['is missing', 'MATCH (:Place {id: 7})-[r:OWNER]->() DELETE r'],
  ['stands twice', 'MATCH (p:Place {id: 7}), (o:Owner {id: 1}) CREATE (p)-[:OWNER]->(o)'],
  ['leads to a node of another table', 'MATCH (p:Place {id: 7})-[r:OWNER]->() DELETE r CREATE (p)-[:OWNER]->(:Place:Other {id: 1})'], // prettier-ignore
])('a relationship of a foreign key that %s is a difference', async (_what, statement) => {
  await cypher(statement);
  const { place } = await compare();
  expect(place).toMatchObject({ differing: 1, missing: 0, equal: false });
  expect(place?.samples[0]).toBe('id="7": relationship OWNER is wrong');
});

test('a relationship where the foreign key is null is a difference', async () => {
  await cypher('MATCH (p:Place {id: 8}), (o:Owner {id: 1}) CREATE (p)-[:OWNER]->(o)');
  const { place } = await compare();
  expect(place).toMatchObject({
    differing: 1,
    equal: false,
    samples: ['id="8": relationship OWNER is wrong'],
  });
});

test('a placeholder at rest is a difference and not counted as a row', async () => {
  await cypher('MATCH (n:Place {id: 8}) SET n:__Placeholder');
  const { place } = await compare();
  expect(place).toMatchObject({ differing: 1, equal: false, samples: ['id="8": still a placeholder'] });
  expect((await compareCounts(sides))[1]).toMatchObject({ postgresRows: 2, storeRows: 1 });
});

test('two nodes of one key are a difference', async () => {
  await cypher('CREATE (:Place {id: 8})');
  const { place } = await compare();
  expect(place).toMatchObject({
    storeRows: 3,
    extra: 1,
    equal: false,
    samples: ['id="8": 2 rows of one key'],
  });
});

test.each([
  ['a microsecond of its properties changed', "MATCH ()-[r:MAY_SEE {owner_id: 1}]->() SET r.since = datetime('2024-02-29T12:00:00.123457Z')", { differing: 1 }, 'column since differs'], // prettier-ignore
  ['it leads to another row', 'MATCH (a)-[r:MAY_SEE {owner_id: 1}]->() MATCH (b:Place {id: 8}) CREATE (a)-[n:MAY_SEE]->(b) SET n = properties(r) DELETE r', { differing: 1 }, 'relationship end is wrong'], // prettier-ignore
  [
    'it is missing',
    'MATCH ()-[r:MAY_SEE {owner_id: 1}]->() DELETE r',
    { missing: 1 },
    'missing in the store',
  ],
])('a row that is a relationship differs when %s', async (_what, statement, found, sample) => {
  await cypher(statement);
  const { may_see: relation } = await compare();
  expect(relation).toMatchObject({
    ...found,
    equal: false,
    samples: [`owner_id="1" place_id="7": ${sample}`],
  });
});

test('a relationship that Postgres does not have is found', async () => {
  await cypher(
    'MATCH (a:Owner {id: 1}), (b:Place {id: 8}) CREATE (a)-[:MAY_SEE {owner_id: 1, place_id: 8}]->(b)',
  );
  const { may_see: relation } = await compare();
  expect(relation).toMatchObject({
    extra: 1,
    equal: false,
    samples: ['owner_id="1" place_id="8": not in Postgres'],
  });
});
