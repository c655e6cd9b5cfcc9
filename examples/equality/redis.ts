import { Redis } from 'ioredis';
import type { Reader } from './reader.ts';
import { joinKeyTexts, makeRow } from './row.ts';
import type { Row } from './row.ts';
import { layoutName } from './table.ts';
import type { Table } from './table.ts';

const SCAN_COUNT = 1_000;

export async function open(url: string): Promise<Reader> {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 5_000,
    commandTimeout: 60_000,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  // `connect` itself only says that the connection is closed; the cause is in this event.
  let cause: Error | undefined;
  client.on('error', (error: Error) => {
    cause = error;
  });
  await client.connect().catch((error: unknown) => {
    throw cause ?? error;
  });
  return {
    rows: (table) => rows(client, table),
    pick: (table, keys) =>
      read(
        client,
        table,
        keys.map((key) => joinKeyTexts(key.texts)),
      ),
    count: (table) => count(client, table),
    close: async () => client.disconnect(),
    mayRepeat: true,
  };
}

async function* rows(client: Redis, table: Table): AsyncGenerator<readonly Row[]> {
  for await (const keys of scan(client, table)) yield await read(client, table, keys);
}

/** Distinct keys, because a scan may give one twice. */
async function count(client: Redis, table: Table): Promise<number> {
  const seen = new Set<string>();
  for await (const keys of scan(client, table)) for (const key of keys) seen.add(key);
  return seen.size;
}

/** The keys of a table's rows, without the table's prefix. The sets of a table begin as its rows do, but are no hashes. */
async function* scan(client: Redis, table: Table): AsyncGenerator<readonly string[]> {
  const prefix = prefixOf(table);
  const pattern = `${prefix.replace(/[*?[\]\\^-]/g, (character) => `\\${character}`)}*`;
  let cursor = '0';
  do {
    const [next, found] = await client.scan(cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT, 'TYPE', 'hash');
    yield found.map((key) => key.slice(prefix.length));
    cursor = next;
  } while (cursor !== '0');
}

async function read(client: Redis, table: Table, keys: readonly string[]): Promise<readonly Row[]> {
  const pipeline = client.pipeline();
  for (const key of keys) pipeline.hgetall(prefixOf(table) + key);
  const answers = (await pipeline.exec()) ?? [];
  return keys.flatMap((key, at) => {
    const [error, fields] = answers[at] ?? [new Error('Redis gave no answer for a key'), null];
    if (error !== null && !error.message.startsWith('WRONGTYPE')) throw error;
    if (error !== null) return [makeRow(table, {}, key, ['not a hash'])];
    const values = fields as Record<string, string>;
    // An empty hash does not exist: the row was deleted after the scan saw it.
    return Object.keys(values).length === 0 ? [] : [makeRow(table, values, key)];
  });
}

/** A `:` in a table's own name is escaped as in keys, so that no two tables share keys. */
function prefixOf(table: Table): string {
  return `${layoutName(table).replace(/[\\:]/g, '\\$&')}:`;
}
