import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { compareAll } from '../../examples/equality/compare-all.ts';
import { STORE_TYPES } from '../../examples/equality/reader.ts';
import { openPipeline, type Pipeline } from './harness.ts';
import { until } from './until.ts';
import type { Worker } from './worker.ts';

const SINKS = Object.fromEntries(STORE_TYPES.map((type) => [type, type]));
const TABLES =
  'changed changed_new changed_renamed changed_dropped changed_left changed_right changed_state'.split(' ');

let pipeline: Pipeline;
let producer: Worker;
/** Rows are inserted, updated and deleted all the time. */
let traffic: { stop(): Promise<void> };

beforeAll(async () => {
  pipeline = await openPipeline({
    sinks: SINKS,
    tables: TABLES,
    sql: `CREATE TABLE changed (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text, amount int);
          INSERT INTO changed (name, amount) SELECT 'row ' || n, n FROM generate_series(1, 3000) n`,
  });
  producer = pipeline.start('producer');
  pipeline.start('sink', ...Object.keys(SINKS));
  await pipeline.untilCaughtUp();
  traffic = await startTraffic();
});

afterAll(async () => {
  await traffic.stop();
  await pipeline[Symbol.asyncDispose]();
});

beforeEach(async () => {
  const { state } = await producer.status('producer');
  expect(['running', 'snapshot']).toContain(state);
});

async function startTraffic(): Promise<{ stop(): Promise<void> }> {
  const client = await pipeline.database.connect();
  let isStopped = false;
  const run = async () => {
    for (let round = 1; !isStopped; round++) {
      await client.query(`INSERT INTO changed (name) SELECT 'new ' || n FROM generate_series(1, 5) n`);
      await client.query(`UPDATE changed SET name = name || '.' WHERE id % 500 = ${round % 500}`);
      await client.query(`DELETE FROM changed WHERE id % 1000 = ${round % 1000}`);
      // Some hundred changes a second: the tables must stay small enough to be compared again and again.
      await client.query('SELECT pg_sleep(0.02)');
    }
  };
  const ended = run();
  return {
    stop: () => {
      isStopped = true;
      return ended;
    },
  };
}

/** Stops the traffic for a moment and waits until all stores equal Postgres; the producer notices some changes only after a while. */
async function expectEqualSoon(...tables: string[]): Promise<void> {
  await traffic.stop();
  const names = (tables.length === 0 ? ['changed'] : tables).map((table) => `public.${table}`);
  let different: string[] = [];
  await until(
    () =>
      `all stores equal Postgres; different are ${different.join(', ')}; the producer wrote:\n${producer.stderr()}`,
    async () => {
      await pipeline.slotConfirms();
      const comparisons = await compareAll({
        postgresUrl: pipeline.database.url,
        tables: names,
        stores: pipeline.places,
      });
      different = comparisons.filter(({ equal }) => !equal).map(({ store, table }) => `${table} in ${store}`);
      return different.length === 0;
    },
  );
  traffic = await startTraffic();
}

const sql = (text: string) => pipeline.database.query(text);

describe('under traffic', () => {
  test('an added column without a default', async () => {
    await sql('ALTER TABLE changed ADD COLUMN note text');
    await sql(`UPDATE changed SET note = 'noted' WHERE id % 7 = 0`);
    await expectEqualSoon();
  });

  test("an added column's default reaches the rows that were there, without any further change", async () => {
    await sql(`ALTER TABLE changed ADD COLUMN grade text NOT NULL DEFAULT 'basic'`);
    await expectEqualSoon();
  });

  test('a volatile default reaches each row with its own value', async () => {
    await sql('ALTER TABLE changed ADD COLUMN token uuid DEFAULT gen_random_uuid()');
    await expectEqualSoon();
  });

  test('a dropped column, and one of the same name and another type that comes after it', async () => {
    await sql('ALTER TABLE changed DROP COLUMN note');
    await expectEqualSoon();
    await sql(`ALTER TABLE changed ADD COLUMN note text DEFAULT 'again'`);
    await expectEqualSoon();
  });

  test('a renamed column keeps its values under the new name', async () => {
    // At once, since the traffic writes to a column of that name all the time.
    await sql('ALTER TABLE changed RENAME COLUMN name TO title; ALTER TABLE changed ADD COLUMN name text');
    await expectEqualSoon();
  });

  test('a column of a wider type', async () => {
    await sql('ALTER TABLE changed ALTER COLUMN amount TYPE bigint');
    await sql('UPDATE changed SET amount = 9007199254740993 WHERE id % 11 = 0');
    await expectEqualSoon();
  });

  test('a column of quite another type', async () => {
    await sql(`ALTER TABLE changed ALTER COLUMN amount TYPE numeric(30, 3) USING amount / 3.0`);
    await expectEqualSoon();
    await sql(`ALTER TABLE changed ALTER COLUMN amount TYPE text USING 'no. ' || amount`);
    await expectEqualSoon();
  });

  test('a value added to an enum', async () => {
    await sql(`CREATE TYPE changed_mood AS ENUM ('low', 'high')`);
    await sql(`ALTER TABLE changed ADD COLUMN mood changed_mood DEFAULT 'low'`);
    await sql(`ALTER TYPE changed_mood ADD VALUE 'middle'`);
    await sql(`UPDATE changed SET mood = 'middle' WHERE id % 5 = 0`);
    await expectEqualSoon();
  });

  test('a table that is made, with rows before and after it was noticed', async () => {
    await sql('CREATE TABLE changed_new (code text, part int, note text, PRIMARY KEY (part, code))');
    await sql(`INSERT INTO changed_new SELECT 'c' || n, n % 3, 'early' FROM generate_series(1, 1000) n`);
    await expectEqualSoon('changed_new');
    await sql(`UPDATE changed_new SET note = 'late' WHERE part = 1`);
    await sql('DELETE FROM changed_new WHERE part = 2');
    await expectEqualSoon('changed_new', 'changed');
  });

  test('a table that is renamed begins anew under its new name', async () => {
    await sql('ALTER TABLE changed_new RENAME TO changed_renamed');
    await sql(`INSERT INTO changed_renamed VALUES ('x', 7, 'renamed')`);
    await expectEqualSoon('changed_renamed');
    await sql('DELETE FROM changed_renamed WHERE part = 0');
    await expectEqualSoon('changed_renamed', 'changed');
  });

  test('a dropped table leaves the others alone, and comes back under its name as another table', async () => {
    await sql('CREATE TABLE changed_dropped (id int PRIMARY KEY, a text)');
    await sql(`INSERT INTO changed_dropped SELECT n, 'a' FROM generate_series(1, 100) n`);
    await expectEqualSoon('changed_dropped');
    await sql('DROP TABLE changed_dropped');
    await expectEqualSoon();
    await sql('CREATE TABLE changed_dropped (id int PRIMARY KEY, a text, b int DEFAULT 5)');
    await sql(`INSERT INTO changed_dropped (id, a) SELECT n, 'b' FROM generate_series(50, 200) n`);
    await expectEqualSoon('changed_dropped', 'changed');
  });

  test('tables that exchange their names end in the topics and targets of their new names', async () => {
    await sql(`CREATE TABLE changed_left (id int PRIMARY KEY, a text);
               CREATE TABLE changed_right (id int PRIMARY KEY, a text);
               INSERT INTO changed_left SELECT n, 'left' FROM generate_series(1, 100) n;
               INSERT INTO changed_right SELECT n, 'right' FROM generate_series(60, 200) n`);
    await expectEqualSoon('changed_left', 'changed_right');
    await sql(`ALTER TABLE changed_left RENAME TO changed_between;
               ALTER TABLE changed_right RENAME TO changed_left;
               ALTER TABLE changed_between RENAME TO changed_right`);
    await sql(`INSERT INTO changed_left VALUES (1000, 'new'); DELETE FROM changed_right WHERE id < 10`);
    await expectEqualSoon('changed_left', 'changed_right');
  });

  test('a new table without a key is left out and told of, and the others go on', async () => {
    await sql('CREATE TABLE changed_keyless (a int)');
    await until('the producer tells of it', () =>
      producer.log().some((line) => line['code'] === 'TABLE_WITHOUT_KEY'),
    );
    await sql('INSERT INTO changed_keyless VALUES (1); UPDATE changed_keyless SET a = 2');
    await expectEqualSoon();
    await sql('DROP TABLE changed_keyless');
  });
});

describe('while the producer is down', () => {
  test('changes of all kinds are carried once it is back', async () => {
    await sql('CREATE TABLE changed_state (id int PRIMARY KEY, a text, b int)');
    await sql(`INSERT INTO changed_state SELECT n, 'a' || n, n FROM generate_series(1, 500) n`);
    await expectEqualSoon('changed_state');
    await producer.end('SIGKILL');
    await sql(`INSERT INTO changed_state SELECT n, 'mid' || n, n FROM generate_series(501, 700) n`);
    await sql(`ALTER TABLE changed_state ADD COLUMN c text DEFAULT 'filled'`);
    await sql(`INSERT INTO changed_state SELECT n, 'late' || n, n FROM generate_series(701, 900) n`);
    await sql('ALTER TABLE changed_state RENAME COLUMN a TO z');
    await sql('UPDATE changed_state SET b = b + 1 WHERE id % 10 = 0');
    await sql(`ALTER TABLE changed_state ALTER COLUMN b TYPE text USING 'b' || b`);
    await sql('DELETE FROM changed_state WHERE id % 9 = 0');
    await sql(`DROP TABLE changed_dropped; CREATE TABLE changed_dropped (id int PRIMARY KEY, a text, b int)`);
    await sql(`INSERT INTO changed_dropped SELECT n, 'c', n FROM generate_series(190, 300) n`);
    producer = pipeline.start('producer');
    await expectEqualSoon('changed_state', 'changed', 'changed_dropped');
  });
});

test('a changed primary key stops the producer and says how to go on', async () => {
  await sql('ALTER TABLE changed_state DROP CONSTRAINT changed_state_pkey, ADD PRIMARY KEY (id, z)');
  const { exitCode, stderr } = await producer.ended;
  expect(exitCode).toBe(6);
  expect(stderr).toContain('TABLE_KEY_CHANGED');
});
