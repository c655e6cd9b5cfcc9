import pg from 'pg';
import { expect, test } from 'vitest';
import { scratchDatabase } from '../scratch-database.ts';
import { copyRows, type CopyRow } from './copy.ts';

/** A connection with an empty table `item (id, label)`; the label must not be `bad`. */
async function itemTable(url: string): Promise<pg.Client & AsyncDisposable> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`CREATE TABLE item (id int PRIMARY KEY, label text CHECK (label <> 'bad'))`);
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}

async function storedItems(client: pg.Client): Promise<unknown[]> {
  return (await client.query('SELECT id, label FROM item ORDER BY id')).rows;
}

function* manyItems(label: (id: number) => string): Generator<CopyRow> {
  for (let id = 0; id < 200_000; id += 1) yield { id, label: label(id) };
}

test('rows arrive as they were, special characters and nulls included', async () => {
  await using database = await scratchDatabase();
  await using client = await itemTable(database.url);
  const rows = [
    { id: 1, label: 'tab\there, line\nbreak, back\\slash, \\N, 🎉' },
    { id: 2, label: null },
    { id: 3, label: '' },
  ];
  expect(await copyRows(client, 'item', ['id', 'label'], rows)).toBe(3);
  expect(await storedItems(client)).toEqual(rows);
});

test('an error of Postgres in the middle stores nothing and leaves the connection usable', async () => {
  await using database = await scratchDatabase();
  await using client = await itemTable(database.url);
  const rows = manyItems((id) => (id === 1_000 ? 'bad' : 'good'));
  await expect(copyRows(client, 'item', ['id', 'label'], rows)).rejects.toMatchObject({ code: '23514' });
  expect(await storedItems(client)).toEqual([]);
});

test('an error of the row source stores nothing and is the error that the caller gets', async () => {
  await using database = await scratchDatabase();
  await using client = await itemTable(database.url);
  const rows = manyItems((id) => {
    if (id === 150_000) throw new Error('the source ran dry');
    return 'good';
  });
  await expect(copyRows(client, 'item', ['id', 'label'], rows)).rejects.toThrow('the source ran dry');
  expect(await storedItems(client)).toEqual([]);
});

test('a connection that is cut in the middle ends the copy with an error', async () => {
  await using database = await scratchDatabase();
  await using client = await itemTable(database.url);
  client.on('error', () => {
    // The copy itself reports the broken connection.
  });
  const pid = (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid;
  function* endless(): Generator<CopyRow> {
    for (let id = 0; ; id += 1) {
      if (id === 50_000) void database.query(`SELECT pg_terminate_backend(${pid})`);
      yield { id, label: 'good' };
    }
  }
  await expect(copyRows(client, 'item', ['id', 'label'], endless())).rejects.toThrow();
});
