import type pg from 'pg';
import { LogicalReplicationService } from 'pg-logical-replication';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSourceDatabase, type SourceDatabase } from '../../../test/pipeline/source-database.ts';
import { until } from '../../../test/pipeline/until.ts';
import { createPgoutputDecoder } from './decode.ts';
import type { PgoutputMessage, StreamedMessage } from './messages.ts';

type Message = PgoutputMessage<Uint8Array> | StreamedMessage;

let database: SourceDatabase;

beforeAll(async () => {
  database = await openSourceDatabase();
  await database.query(`
    CREATE TABLE items (id int PRIMARY KEY, body text);
    CREATE TYPE mood AS ENUM ('sad', 'happy');
    CREATE TABLE kinds (id int PRIMARY KEY, big int8, body text, raw bytea, long text, mood mood, empty text);
    ALTER TABLE kinds ALTER long SET STORAGE EXTERNAL;
    CREATE PUBLICATION everything FOR ALL TABLES`);
});

afterAll(() => database[Symbol.asyncDispose]());

async function newSlot(name: string): Promise<string> {
  const slot = `${database.name}_${name}`;
  await database.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [slot]);
  return slot;
}

/** What the server's pgoutput writes with these options. */
async function read(slot: string, options: Record<string, string>): Promise<Message[]> {
  const list = Object.entries({ publication_names: 'everything', messages: 'true', ...options }).flat();
  const rows = await database.query<{ data: Buffer }>(
    `SELECT data FROM pg_logical_slot_get_binary_changes($1, NULL, NULL, VARIADIC $2::text[])`,
    [slot, list],
  );
  const decoder = createPgoutputDecoder((bytes) => bytes);
  return rows.map((row) => decoder.decode(row.data));
}

/** The same while it is written, with transactions above 64 kB streamed before they end. */
async function follow(slot: string, options: string): Promise<{ messages: Message[] } & AsyncDisposable> {
  const service = new LogicalReplicationService(
    { connectionString: database.url, options: '-c logical_decoding_work_mem=64kB' },
    { acknowledge: { auto: false, timeoutSeconds: 0 } },
  );
  const messages: Message[] = [];
  const decoder = createPgoutputDecoder((bytes) => bytes);
  const started = new Promise<void>((resolve, reject) => {
    service.on('start', resolve);
    service.on('error', reject);
  });
  service.on('data', (_lsn: string, message: Message) => void messages.push(message));
  const ended = service.subscribe(
    {
      name: 'pgoutput',
      options: {},
      parse: (bytes) => decoder.decode(bytes),
      start: (client, name) =>
        client.query(
          `START_REPLICATION SLOT "${name}" LOGICAL 0/0 (${options}, publication_names 'everything', messages 'true')`,
        ),
    },
    slot,
    '0/0',
  );
  await Promise.race([started, ended]);
  return {
    messages,
    [Symbol.asyncDispose]: async () => {
      await service.destroy();
      await ended.catch(() => undefined);
    },
  };
}

/** The ids that a reader of the stream has once everything is committed or rolled back, in the order of the commits. */
function committedIds(messages: readonly Message[]): number[] {
  const committed: number[] = [];
  const open = new Map<number, { xid: number; id: number }[]>();
  let current = 0;
  for (const message of messages) {
    if (message.tag === 'stream-start') {
      current = message.xid;
      expect(message.isFirst).toBe(!open.has(current));
      if (message.isFirst) open.set(current, []);
    } else if (message.tag === 'begin') {
      current = message.xid;
      open.set(current, []);
    } else if (message.tag === 'insert') {
      open.get(current)?.push({ xid: message.xid ?? current, id: Number(message.after[0]) });
    } else if (message.tag === 'stream-abort') {
      const left = open.get(message.xid)?.filter(({ xid }) => xid !== message.subXid) ?? [];
      open.set(message.xid, message.xid === message.subXid ? [] : left);
    } else if (message.tag === 'commit' || message.tag === 'stream-commit') {
      const xid = message.tag === 'commit' ? current : message.xid;
      committed.push(...(open.get(xid) ?? []).map(({ id }) => id));
      open.delete(xid);
    }
  }
  return committed;
}

const insert = (client: pg.Client, first: number) =>
  client.query(`INSERT INTO items SELECT g, md5(g::text) FROM generate_series($1::int, $1::int + 999) g`, [
    first,
  ]);

/** Transactions side by side, with savepoints of which some are rolled back; the last one is rolled back whole. */
async function concurrentTransactions(areStreamed: () => Promise<unknown>): Promise<void> {
  await database.query('TRUNCATE items');
  const clients = await Promise.all([database.connect(), database.connect(), database.connect()]);
  for (const client of clients) await client.query('BEGIN');
  for (let step = 0; step < 6; step++) {
    for (const [index, client] of clients.entries()) {
      await client.query(`SAVEPOINT step_${step}`);
      await insert(client, index * 100_000 + step * 1_000);
      if (step % 3 === 2) await client.query(`RELEASE SAVEPOINT step_${step}`);
    }
    await areStreamed();
    for (const client of clients)
      if (step % 3 === 1) await client.query(`ROLLBACK TO SAVEPOINT step_${step}`);
  }
  const [first, second, third] = clients;
  await third?.query('ROLLBACK');
  await second?.query("SELECT pg_logical_emit_message(true, 'tailrace', repeat('m', 100000))");
  await second?.query('COMMIT');
  await first?.query('COMMIT');
}

test.each([
  ['2', 'on', false],
  ['4', 'parallel', true],
])('protocol %s with streaming %s leads to the rows of the table', async (version, streaming, hasPlace) => {
  const slot = await newSlot(`streamed_${version}`);
  await using following = await follow(slot, `proto_version '${version}', streaming '${streaming}'`);
  const { messages } = following;
  await concurrentTransactions(() =>
    until('all three transactions are being streamed', () => {
      const starts = messages.filter((message) => message.tag === 'stream-start');
      return new Set(starts.map(({ xid }) => xid)).size === 3;
    }),
  );
  await until(
    'both commits are there',
    () => messages.filter((message) => message.tag === 'stream-commit').length === 2,
  );
  const rows = await database.query<{ id: number }>('SELECT id FROM items ORDER BY id');
  const ids = rows.map(({ id }) => id);
  expect(ids).toHaveLength(8_000);
  const secondThenFirst = [...ids.filter((id) => id >= 100_000), ...ids.filter((id) => id < 100_000)];
  expect(committedIds(messages)).toEqual(secondThenFirst);

  const aborts = messages.filter((message) => message.tag === 'stream-abort');
  expect(aborts.some(({ xid, subXid }) => xid === subXid)).toBe(true);
  expect(aborts.some(({ xid, subXid }) => xid !== subXid)).toBe(true);
  expect(aborts.every(({ abort }) => (abort !== null) === hasPlace)).toBe(true);
  expect(messages.find((message) => message.tag === 'message')).toMatchObject({
    xid: expect.any(Number),
    content: 'm'.repeat(100_000),
  });
});

test('binary values come as bytes, null and unchanged TOAST as themselves', async () => {
  const slot = await newSlot('binary');
  await database.query(
    `INSERT INTO kinds VALUES (258, -2, 'größe', '\\x00ff', repeat('l', 10000), 'happy', NULL)`,
  );
  await database.query(`UPDATE kinds SET big = 3`);
  const messages = await read(slot, { proto_version: '1', binary: 'true' });
  const [inserted, updated] = messages.flatMap((message) =>
    message.tag === 'insert' || message.tag === 'update' ? [message.after] : [],
  );
  const bytes = (...values: number[]) => new Uint8Array(values);
  const size = [...Buffer.from('größe')];
  const before = [bytes(0, 0, 1, 2), bytes(255, 255, 255, 255, 255, 255, 255, 254), bytes(...size)];
  const happy = bytes(...Buffer.from('happy'));
  const long = new Uint8Array(10_000).fill(0x6c);
  expect(inserted).toStrictEqual([...before, bytes(0, 255), long, happy, null]);
  const after = [before[0], bytes(0, 0, 0, 0, 0, 0, 0, 3), before[2]];
  expect(updated).toStrictEqual([...after, bytes(0, 255), undefined, happy, null]);
  expect(messages.find((message) => message.tag === 'type')).toMatchObject({
    schema: 'public',
    name: 'mood',
  });
});

test('changes, truncates and origins of protocol 1 are told as they were made', async () => {
  const slot = await newSlot('changes');
  await database.query(`
    TRUNCATE items RESTART IDENTITY CASCADE;
    INSERT INTO items VALUES (1, 'a');
    UPDATE items SET id = 2;
    ALTER TABLE items REPLICA IDENTITY FULL;
    UPDATE items SET body = 'b';
    DELETE FROM items;
    ALTER TABLE items REPLICA IDENTITY DEFAULT`);
  const tags = ['truncate', 'insert', 'update', 'delete'];
  const changes = (await read(slot, { proto_version: '1' })).filter(({ tag }) => tags.includes(tag));
  expect(changes).toMatchObject([
    { tag: 'truncate', cascade: true, restartIdentity: true },
    { tag: 'insert', after: ['1', 'a'] },
    { tag: 'update', oldKind: 'key', before: ['1', null], after: ['2', 'a'] },
    { tag: 'update', oldKind: 'full', before: ['2', 'a'], after: ['2', 'b'] },
    { tag: 'delete', oldKind: 'full', before: ['2', 'b'] },
  ]);
});

test('a transaction that was replayed from elsewhere names its origin', async () => {
  const slot = await newSlot('origin');
  const origin = `${database.name}_upstream`;
  await database.query('SELECT pg_replication_origin_create($1)', [origin]);
  try {
    await database.query('SELECT pg_replication_origin_session_setup($1)', [origin]);
    await database.query(`BEGIN; SELECT pg_replication_origin_xact_setup('1/2', now());
      INSERT INTO items VALUES (7, ''); COMMIT`);
    const messages = await read(slot, { proto_version: '1' });
    expect(messages).toContainEqual({ tag: 'origin', commitLsn: 0x1_0000_0002n, name: origin });
  } finally {
    await database.query('SELECT pg_replication_origin_session_reset()');
    await database.query('SELECT pg_replication_origin_drop($1)', [origin]);
  }
});
