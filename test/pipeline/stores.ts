import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import neo4j from 'neo4j-driver';
import { labelOf } from '../../examples/equality/neo4j-layout.ts';
import type { StoreType } from '../../examples/equality/reader.ts';

/** A place in a store that holds nothing of the tables. */
export interface StorePlace extends AsyncDisposable {
  readonly type: StoreType;
  /** With credentials, and with the place's own database where the store has databases. */
  readonly url: string;
}

/** Redis has 16 databases that only numbers tell apart; 0 is left to others, and two files that run at once have 7 each. */
const REDIS_DATABASES = 7;
const firstRedisDatabase = 1 + REDIS_DATABASES * ((Number(process.env['VITEST_POOL_ID'] ?? 1) - 1) % 2);
let redisPlaces = 0;

/** Makes room in a store. `database` is a name that nobody else uses, `tables` are names without schema. */
export async function storePlace(
  type: StoreType,
  database: string,
  tables: readonly string[],
): Promise<StorePlace> {
  const url = addressOf(type);
  switch (type) {
    case 'redis': {
      const number = firstRedisDatabase + (redisPlaces++ % REDIS_DATABASES);
      return place(type, withPath(url, String(number)), clearRedis);
    }
    case 'mongodb':
      return place(type, withPath(url, database), clearMongodb);
    case 'clickhouse':
      await askClickhouse(url, `CREATE DATABASE ${database}`);
      return place(
        type,
        withPath(url, database),
        async () => {
          await askClickhouse(url, `DROP DATABASE IF EXISTS ${database}`);
        },
        false,
      );
    case 'elasticsearch':
      return place(type, url, () => clearElasticsearch(url, tables));
    case 'neo4j':
      return place(type, url, () => clearNeo4j(url, tables));
  }
}

async function place(
  type: StoreType,
  url: string,
  clear: (url: string) => Promise<void>,
  isClearedFirst = true,
): Promise<StorePlace> {
  if (isClearedFirst) await clear(url);
  return { type, url, [Symbol.asyncDispose]: () => clear(url) };
}

/** The address of the test run's server. Throws when there is none. */
export function addressOf(type: StoreType): string {
  const variable = `${type.toUpperCase()}_URL`;
  const url = process.env[variable];
  if (url === undefined)
    throw new Error(`this test needs ${type}: set ${variable}, or run it with \`npm test\``);
  return url;
}

function withPath(url: string, path: string): string {
  const changed = new URL(url);
  changed.pathname = `/${path}`;
  return changed.href;
}

async function clearRedis(url: string): Promise<void> {
  const redis = new Redis(url, { lazyConnect: true });
  await redis.connect();
  await redis.flushdb();
  redis.disconnect();
}

async function clearMongodb(url: string): Promise<void> {
  const client = await new MongoClient(url).connect();
  await client.db(new URL(url).pathname.slice(1)).dropDatabase();
  await client.close();
}

/** The nodes of the tables and those that the sink keeps for itself: the community edition has one database for all. */
async function clearNeo4j(url: string, tables: readonly string[]): Promise<void> {
  const { username, password, host } = new URL(url);
  const driver = neo4j.driver(`bolt://${host}`, neo4j.auth.basic(username, password));
  const labels = tables.map((name) => labelOf({ schema: 'public', name }));
  const isOurs = 'any(label IN labels WHERE label IN $labels OR label STARTS WITH "__")';
  try {
    await driver.executeQuery(`MATCH (n) WITH n, labels(n) AS labels WHERE ${isOurs} DETACH DELETE n`, {
      labels,
    });
    const { records } = await driver.executeQuery(
      `SHOW CONSTRAINTS YIELD name, labelsOrTypes AS labels WHERE ${isOurs} RETURN name`,
      { labels },
    );
    for (const record of records)
      await driver.executeQuery(`DROP CONSTRAINT \`${String(record.get('name'))}\` IF EXISTS`);
  } finally {
    await driver.close();
  }
}

async function clearElasticsearch(url: string, tables: readonly string[]): Promise<void> {
  const { origin, username, password } = new URL(url);
  const login = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString(
    'base64',
  );
  const headers: Record<string, string> = username === '' ? {} : { authorization: `Basic ${login}` };
  const ask = async (method: string, path: string) => {
    const response = await fetch(`${origin}/${path}`, { method, headers });
    if (!response.ok) throw new Error(`Elasticsearch answers ${method} ${path} with ${response.status}`);
    return response.text();
  };
  for (const table of tables) {
    const names = await ask('GET', `_cat/indices/${encodeURIComponent(table)}-*?h=index`);
    for (const index of names.split('\n').filter((name) => name !== ''))
      await ask('DELETE', encodeURIComponent(index));
  }
}

async function askClickhouse(url: string, sql: string): Promise<void> {
  const { origin, username, password } = new URL(url);
  const headers = {
    'X-ClickHouse-User': username === '' ? 'default' : decodeURIComponent(username),
    'X-ClickHouse-Key': decodeURIComponent(password),
  };
  const response = await fetch(origin, { method: 'POST', headers, body: sql });
  if (!response.ok) throw new Error(await response.text());
}
