import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { openPipeline, type Pipeline } from './harness.ts';

const PEOPLE = `
  CREATE TABLE person (id int PRIMARY KEY, email text NOT NULL UNIQUE, nick text, secret text);
  ALTER TABLE person REPLICA IDENTITY FULL;
  INSERT INTO person SELECT i, 'p' || i || '@example.org', 'nick ' || i, 'secret' FROM generate_series(1, 20) i`;

const MAPPING = {
  'public.*': { constants: { tenant: 'acme' } },
  'public.person': { name: 'members', key: ['email'], columns: { exclude: ['secret'] } },
};

const openPeople = () =>
  openPipeline({ sql: PEOPLE, sinks: { cache: 'redis' }, sinkOptions: { cache: { mapping: MAPPING } } });

/** What the target must be, by Postgres itself. */
async function wanted({ database }: Pipeline): Promise<Map<string, object>> {
  const rows = await database.query<{ id: number; email: string; nick: string | null }>(
    'SELECT id, email, nick FROM person',
  );
  return new Map(
    rows.map(({ id, email, nick }) => [
      `members:${email}`,
      { id: String(id), email, ...(nick === null ? {} : { nick }), tenant: 'acme' },
    ]),
  );
}

async function stored({ places }: Pipeline): Promise<Map<string, object>> {
  const redis = new Redis(places['cache']?.url ?? '');
  try {
    const keys = (await redis.keys('*')).filter((key) => !key.startsWith('__'));
    const rows = await Promise.all(keys.map((key) => redis.hgetall(key)));
    return new Map(keys.map((key, place) => [key, withoutVersion(rows[place] ?? {})]));
  } finally {
    redis.disconnect();
  }
}

function withoutVersion(hash: Record<string, string>): object {
  const { __pos: _, ...row } = hash;
  return row;
}

test('a target with another name, key, columns and constants stays right while its keys move between rows', async () => {
  await using pipeline = await openPeople();
  pipeline.start('all');
  await pipeline.untilCaughtUp();
  expect(await stored(pipeline)).toEqual(await wanted(pipeline));

  for (const change of [
    // Two rows exchange their keys, and one takes the key that another has just left.
    `BEGIN; UPDATE person SET email = 'between' WHERE id = 1;
     UPDATE person SET email = 'p1@example.org' WHERE id = 2;
     UPDATE person SET email = 'p2@example.org' WHERE id = 1; COMMIT`,
    `UPDATE person SET email = 'left@example.org' WHERE id = 3`,
    `UPDATE person SET email = 'p3@example.org', nick = NULL WHERE id = 4`,
    `UPDATE person SET id = 105 WHERE id = 5`,
    `DELETE FROM person WHERE id = 6`,
    `INSERT INTO person VALUES (21, 'p6@example.org', 'again', 'secret')`,
    `UPDATE person SET secret = 'changed'`,
  ]) {
    await pipeline.database.query(change);
    await pipeline.untilCaughtUp();
    // After each of them, since a later one could mend what an earlier one had left.
    expect(await stored(pipeline), change).toEqual(await wanted(pipeline));
  }

  await pipeline.database.query(
    `TRUNCATE person; INSERT INTO person VALUES (1, 'p9@example.org', 'new', '')`,
  );
  await pipeline.untilCaughtUp();
  expect(await stored(pipeline)).toEqual(await wanted(pipeline));
});

test('a key whose old values are not told stops the sink with the command that mends it', async () => {
  await using pipeline = await openPeople();
  await pipeline.database.query('ALTER TABLE person REPLICA IDENTITY DEFAULT');
  pipeline.start('producer');
  const sink = pipeline.start('sink', 'cache');
  await pipeline.untilCaughtUp();
  await pipeline.database.query(`UPDATE person SET email = 'moved@example.org' WHERE id = 1`);
  const { exitCode, stderr } = await sink.ended;
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/error TRANSFORM_FAILED: .*does not tell the old values of email/);
  expect(stderr).toContain('ALTER TABLE public.person REPLICA IDENTITY FULL');
});

test('two tables of one name and a key of the store that nobody knows are refused', async () => {
  await using pipeline = await openPipeline({
    sql: 'CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)',
    sinks: { cache: 'redis' },
    sinkOptions: { cache: { mapping: { 'public.*': { name: 'same' } } } },
  });
  pipeline.start('producer');
  await pipeline.untilCaptured();
  const { exitCode, stderr } = await pipeline.start('sink', 'cache').ended;
  expect(exitCode).toBe(2);
  expect(stderr).toContain('error CONFIG_INVALID: public.a and public.b would both be same in the store');

  await using misspelt = await openPipeline({
    sinks: { cache: 'redis' },
    sinkOptions: { cache: { mapping: { 'public.a': { nmae: 'x' } } } },
  });
  const validated = await misspelt.tailrace('config', 'validate');
  expect(validated.exitCode).toBe(2);
  expect(validated.stderr).toContain('sinks.cache.mapping.public.a: unknown key "nmae"');
});
