import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSourceDatabase, type SourceDatabase } from '../../../test/pipeline/source-database.ts';
import { listTables, type CatalogTable } from './catalog.ts';
import { connectSource } from '../connection.ts';
import { publicationStatements } from '../slot/slot.ts';
import { findTableProblems } from './table-problems.ts';

let database: SourceDatabase;

beforeAll(async () => {
  database = await openSourceDatabase();
});

afterAll(() => database[Symbol.asyncDispose]());

/** The problems of the tables with these names, found beside the captured ones. */
async function problemsOf(names: readonly string[], captured: readonly string[] = []) {
  const client = await connectSource(database.url, 'tests');
  try {
    const all = await listTables(client);
    const named = (wanted: readonly string[]) => all.filter(({ name }) => wanted.includes(name));
    const tables = named(names);
    expect(tables).toHaveLength(names.length);
    const found = await findTableProblems(client, tables, [], named(captured));
    return tables.flatMap(({ oid }) => found.get(oid) ?? []);
  } finally {
    await client.end();
  }
}

async function publish(tables: readonly Pick<CatalogTable, 'schema' | 'name'>[]): Promise<void> {
  await database.query('DROP PUBLICATION IF EXISTS probe');
  const client = await connectSource(database.url, 'tests');
  try {
    for (const statement of await publicationStatements(client, 'probe', tables))
      await client.query(statement);
  } finally {
    await client.end();
  }
}

describe.each<readonly [name: string, ddl: string, update: string]>([
  [
    'nothing',
    'CREATE TABLE nothing (id int PRIMARY KEY); ALTER TABLE nothing REPLICA IDENTITY NOTHING',
    'id = 2',
  ],
  ['deferred', 'CREATE TABLE deferred (id int PRIMARY KEY DEFERRABLE)', 'id = 2'],
  [
    'gone',
    `CREATE TABLE gone (id int PRIMARY KEY, code int NOT NULL DEFAULT 1 CONSTRAINT by_code UNIQUE);
     ALTER TABLE gone REPLICA IDENTITY USING INDEX by_code; ALTER TABLE gone DROP CONSTRAINT by_code`,
    'id = 2',
  ],
  [
    'full_generated',
    `CREATE TABLE full_generated (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED);
     ALTER TABLE full_generated REPLICA IDENTITY FULL`,
    'id = 2',
  ],
  [
    'deferred_generated',
    `CREATE TABLE deferred_generated (id int, twice int GENERATED ALWAYS AS (id * 2) STORED,
                                      CONSTRAINT "a key" PRIMARY KEY (id) DEFERRABLE)`,
    'id = 2',
  ],
  [
    'index_generated',
    `CREATE TABLE index_generated (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED NOT NULL);
     CREATE UNIQUE INDEX with_twice ON index_generated (id, twice);
     ALTER TABLE index_generated REPLICA IDENTITY USING INDEX with_twice`,
    'id = 2',
  ],
  [
    'generated_key',
    'CREATE TABLE generated_key (n int DEFAULT 1, id int GENERATED ALWAYS AS (n * 2) STORED PRIMARY KEY)',
    'n = 2',
  ],
  [
    'parted_nothing',
    `CREATE TABLE parted_nothing (id int PRIMARY KEY) PARTITION BY RANGE (id);
     CREATE TABLE part PARTITION OF parted_nothing FOR VALUES FROM (0) TO (10); ALTER TABLE part REPLICA IDENTITY NOTHING`,
    'id = 2',
  ],
])('table %s', (name, ddl, update) => {
  test('is refused, its updates would fail in Postgres, and after the fix neither is so', async () => {
    await database.query(ddl);
    await database.query(`INSERT INTO ${name} ${name === 'generated_key' ? 'DEFAULT VALUES' : 'VALUES (1)'}`);
    const [problem, ...more] = await problemsOf([name]);
    expect(more).toEqual([]);
    expect(problem).toMatchObject({ code: 'TABLE_IDENTITY', exitCode: 6 });
    await publish([{ schema: 'public', name }]);
    await expect(database.query(`UPDATE ${name} SET ${update}`)).rejects.toThrow(/cannot update table/);

    const [, statement = ''] = /^run (ALTER TABLE .*?;)/.exec(problem?.fix ?? '') ?? [];
    await database.query(statement);
    expect(await problemsOf([name])).toEqual([]);
    await database.query(`UPDATE ${name} SET ${update}`);
  });
});

test('an index that lacks or only includes columns of the key is refused, one that holds them is not', async () => {
  await database.query(`
    CREATE TABLE by_code (id int PRIMARY KEY, code int NOT NULL UNIQUE);
    ALTER TABLE by_code REPLICA IDENTITY USING INDEX by_code_code_key;
    CREATE TABLE included (id int PRIMARY KEY, code int NOT NULL);
    CREATE UNIQUE INDEX with_id ON included (code) INCLUDE (id);
    ALTER TABLE included REPLICA IDENTITY USING INDEX with_id;
    CREATE TABLE held (id int, note text, code int NOT NULL, PRIMARY KEY (id) INCLUDE (note));
    CREATE UNIQUE INDEX with_both ON held (code, id);
    ALTER TABLE held REPLICA IDENTITY USING INDEX with_both`);
  expect(await problemsOf(['by_code', 'included', 'held'])).toMatchObject([
    { code: 'TABLE_IDENTITY', message: expect.stringContaining('public.by_code has REPLICA') as string },
    { code: 'TABLE_IDENTITY', fix: 'run ALTER TABLE "public"."included" REPLICA IDENTITY DEFAULT;' },
  ]);
});

test('a partitioned table must not be FULL where a partition is not', async () => {
  await database.query(`
    CREATE TABLE mixed (id int PRIMARY KEY) PARTITION BY RANGE (id); ALTER TABLE mixed REPLICA IDENTITY FULL;
    CREATE TABLE mixed_0 PARTITION OF mixed FOR VALUES FROM (0) TO (10)`);
  expect(await problemsOf(['mixed'])).toMatchObject([
    { code: 'TABLE_IDENTITY', fix: 'run ALTER TABLE "public"."mixed" REPLICA IDENTITY DEFAULT;' },
  ]);
  await database.query('ALTER TABLE mixed_0 REPLICA IDENTITY FULL');
  expect(await problemsOf(['mixed'])).toEqual([]);
});

test('tables whose topics differ only in . and _ collide, also with those that are captured already', async () => {
  await database.query(`
    CREATE SCHEMA app; CREATE TABLE app.user_roles (id int PRIMARY KEY);
    CREATE SCHEMA app_user; CREATE TABLE app_user.roles (id int PRIMARY KEY)`);
  const collision = {
    code: 'TABLE_NAMES_COLLIDE',
    message: expect.stringMatching(/app\.user_roles and app_user\.roles/) as string,
  };
  expect(await problemsOf(['user_roles', 'roles'])).toMatchObject([collision]);
  expect(await problemsOf(['roles'], ['user_roles'])).toMatchObject([collision]);
  expect(await problemsOf(['roles'])).toEqual([]);
});

test("names of the pipeline's own topics are refused", async () => {
  await database.query(`
    CREATE SCHEMA tailrace; CREATE TABLE tailrace.state (id int PRIMARY KEY); CREATE TABLE tailrace."dlq.x" (id int PRIMARY KEY);
    CREATE TABLE tailrace.states (id int PRIMARY KEY)`);
  const problems = await problemsOf(['state', 'dlq.x', 'states']);
  expect(problems.map(({ code, message }) => [code, /table (\S+)/.exec(message)?.[1]])).toEqual([
    ['TABLE_NAMES_COLLIDE', 'tailrace.dlq.x'],
    ['TABLE_NAMES_COLLIDE', 'tailrace.state'],
  ]);
});

test('the children of a published table are not published with it, so updates of one without a key go on', async () => {
  await database.query(`
    CREATE TABLE public.ancestor (id int PRIMARY KEY); CREATE TABLE public.keyless_child () INHERITS (public.ancestor);
    INSERT INTO public.keyless_child VALUES (1)`);
  await publish([{ schema: 'public', name: 'ancestor' }]);
  await database.query('UPDATE public.ancestor SET id = 2');
  expect(await database.query("SELECT tablename FROM pg_publication_tables WHERE pubname = 'probe'")).toEqual(
    [{ tablename: 'ancestor' }],
  );
});
