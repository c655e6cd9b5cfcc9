import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openSourceDatabase } from '../../../test/pipeline/source-database.ts';
import { connectSource } from '../connection.ts';
import { copyOut } from './copy-out.ts';

const LIMIT = 100_000_000;
/** Any text that Postgres can hold, with the characters that COPY escapes among them. */
const text = fc
  .string({
    unit: fc.oneof(
      fc.constantFrom('\\', '\n', '\r', '\t', '\b', '\f', '\v', 'N', '.'),
      fc.string({ unit: 'grapheme' }),
    ),
  })
  .map((value) => value.replaceAll('\0', '').replaceAll(/\p{Surrogate}/gu, ''));

test('random texts come back equal', async () => {
  await using database = await openSourceDatabase();
  const client = await connectSource(database.url, 'tests');
  await client.query('CREATE TEMPORARY TABLE texts (id int, a text, b text)');
  const rows = fc.array(fc.tuple(fc.option(text), fc.option(text)), { minLength: 1, maxLength: 200 });
  await fc.assert(
    fc.asyncProperty(rows, async (written) => {
      await client.query('TRUNCATE texts');
      await client.query('INSERT INTO texts SELECT * FROM unnest($1::int[], $2::text[], $3::text[])', [
        written.map((_, index) => index),
        written.map(([a]) => a),
        written.map(([, b]) => b),
      ]);
      const copied = await copyOut(client, 'SELECT a, b FROM texts ORDER BY id', LIMIT);
      expect([...copied]).toStrictEqual(written);
      expect(copied.count).toBe(written.length);
      expect(copied.last).toStrictEqual(written.at(-1));
    }),
    { numRuns: 60 },
  );
  await client.end();
});

test('the connection works on after a query that fails, also in its midst', async () => {
  await using database = await openSourceDatabase();
  const client = await connectSource(database.url, 'tests');
  await expect(copyOut(client, 'SELECT nothing', LIMIT)).rejects.toThrow('"nothing"');
  await expect(
    copyOut(client, 'SELECT 1 / (50000 - n) FROM generate_series(1, 60000) n', LIMIT),
  ).rejects.toThrow('division by zero');
  const { rows } = await client.query('SELECT 1 AS one');
  expect(rows).toStrictEqual([{ one: '1' }]);
  await client.end();
});

test('the end of the connection ends the query', async () => {
  await using database = await openSourceDatabase();
  const client = await connectSource(database.url, 'tests');
  const copying = copyOut(client, 'SELECT pg_sleep(60)', LIMIT);
  await Promise.all([expect(copying).rejects.toThrow('Connection terminated'), client.end()]);
});
