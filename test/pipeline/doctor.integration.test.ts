import pg from 'pg';
import { afterEach, expect, test, vi } from 'vitest';
import { openPipeline, type Pipeline } from './harness.ts';
import { startOwnPostgres } from './own-postgres.ts';
import type { SourceDatabase } from './source-database.ts';
import { until } from './until.ts';

const LEDGER = 'CREATE TABLE ledger (id int PRIMARY KEY, n int NOT NULL)';

interface Check {
  readonly part: string;
  readonly name: string;
  readonly status: string;
  readonly evidence: string;
  readonly fix: string | null;
}

afterEach(() => {
  vi.unstubAllEnvs();
});

async function doctor(pipeline: Pipeline): Promise<{ exitCode: number | null; checks: Check[] }> {
  const { exitCode, stdout, stderr } = await pipeline.tailrace('doctor', '--json');
  expect(stderr).toBe('');
  const report = JSON.parse(stdout) as { ok: boolean; checks: Check[] };
  expect(report.ok).toBe(!report.checks.some(({ status }) => status === 'fail'));
  return { exitCode, checks: report.checks };
}

/** The lines on one subject of Postgres that are not ok. */
async function findings(pipeline: Pipeline): Promise<string[]> {
  const { checks } = await doctor(pipeline);
  return checks.filter(({ status }) => status !== 'ok').map(({ status, name }) => `${status} ${name}`);
}

function fixOf(checks: readonly Check[], table: string): string {
  return checks.find(({ evidence, status }) => status === 'fail' && evidence.startsWith(table))?.fix ?? '';
}

test('a sound source has no failure, and is left as it was', async () => {
  await using pipeline = await openPipeline({ sql: LEDGER });
  const { exitCode, checks } = await doctor(pipeline);
  expect(exitCode).toBe(0);
  expect(checks.map(({ part }) => part)).toEqual(expect.arrayContaining(['postgres', 'kafka', 'registry']));
  expect(checks.filter(({ status }) => status !== 'ok').map(({ name }) => name)).toEqual([
    // The stack's Postgres has no limit.
    'max_slot_wal_keep_size',
  ]);
  const made = await pipeline.database.query(
    `SELECT pubname FROM pg_publication UNION ALL SELECT slot_name FROM pg_replication_slots WHERE slot_name = $1`,
    [pipeline.slot],
  );
  expect(made).toEqual([]);
});

test('for people there is a line a check with its fix below, without colours off a terminal', async () => {
  await using pipeline = await openPipeline({ sql: 'CREATE TABLE keyless (n int)' });
  const { exitCode, stdout } = await pipeline.tailrace('doctor');
  expect(exitCode).toBe(6);
  expect(stdout).toMatch(/^postgres\nok {4}connection {2,}connected to /m);
  expect(stdout).toMatch(
    /^fail {2}replica identity .*"keyless" has no primary key.*\n {6}fix: ALTER TABLE "public"."keyless" /m,
  );
  expect(stdout).toMatch(/^\d+ ok, \d+ warn, 1 fail\n$/m);
  expect(stdout).not.toContain('\u001b');
});

test('tables whose updates would fail are found, and the fix that is printed mends them', async () => {
  await using pipeline = await openPipeline({
    sql: `
      CREATE TABLE "unique" (a int NOT NULL, "B" int NOT NULL, UNIQUE (a, "B"));
      CREATE TABLE indexed (a int NOT NULL, b int);
      CREATE UNIQUE INDEX "by a" ON indexed (a) INCLUDE (b);
      CREATE UNIQUE INDEX by_b ON indexed (b);
      CREATE UNIQUE INDEX partial ON indexed (a) WHERE a > 5;
      CREATE TABLE "No""thing" (id int PRIMARY KEY);
      ALTER TABLE "No""thing" REPLICA IDENTITY NOTHING;
      CREATE TABLE deferred (id int PRIMARY KEY DEFERRABLE);
      CREATE TABLE other (id int PRIMARY KEY, code int NOT NULL UNIQUE);
      ALTER TABLE other REPLICA IDENTITY USING INDEX other_code_key;
      CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY RANGE (id);
      CREATE TABLE part PARTITION OF parted FOR VALUES FROM (0) TO (10);
      ALTER TABLE part REPLICA IDENTITY NOTHING;
      CREATE TABLE computed (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED);
      ALTER TABLE computed REPLICA IDENTITY FULL;
      CREATE TABLE mixed (id int PRIMARY KEY) PARTITION BY RANGE (id);
      CREATE TABLE mixed_part PARTITION OF mixed FOR VALUES FROM (0) TO (10);
      ALTER TABLE mixed REPLICA IDENTITY FULL;
      CREATE TABLE "Full" (id int PRIMARY KEY);
      ALTER TABLE "Full" REPLICA IDENTITY FULL`,
  });
  const { exitCode, checks } = await doctor(pipeline);
  expect(exitCode).toBe(6);
  expect(checks.filter(({ status }) => status === 'fail')).toHaveLength(8);
  for (const table of ['unique', 'indexed', 'No""thing', 'deferred', 'other', 'part', 'computed', 'mixed']) {
    const fix = fixOf(checks, `"public"."${table}"`);
    expect(fix, table).toMatch(/^ALTER TABLE .*;( -- .*)?$/);
    await pipeline.database.query(fix);
  }
  expect((await doctor(pipeline)).exitCode).toBe(0);
});

test('neither setup nor the statements that it prints publish a table whose updates would fail', async () => {
  await using pipeline = await openPipeline({ sql: 'CREATE TABLE deferred (id int PRIMARY KEY DEFERRABLE)' });
  for (const args of [['setup'], ['setup', '--print-sql']]) {
    const { exitCode, stdout, stderr } = await pipeline.tailrace(...args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 6, stdout: '' });
    expect(stderr).toContain('error TABLE_IDENTITY: ');
  }
  expect(await pipeline.database.query('SELECT FROM pg_publication')).toEqual([]);
});

test('a table without a key is fine where source.appendOnly names it, a partitioned one is not', async () => {
  await using pipeline = await openPipeline({
    sql: `CREATE TABLE log (n int); CREATE TABLE log_parted (n int) PARTITION BY RANGE (n)`,
    source: { appendOnly: ['public.*'] },
  });
  const { checks } = await doctor(pipeline);
  const evidence = '"public"."log": no key, captured as history: inserts only';
  expect(checks.filter((check) => check.evidence === evidence)).toMatchObject([
    { name: 'replica identity', status: 'ok', fix: null },
  ]);
  expect(fixOf(checks, '"public"."log_parted"')).toMatch(
    /^ALTER TABLE "public"."log_parted" ADD PRIMARY KEY/,
  );
  await pipeline.database.query('DROP TABLE log_parted');
  expect(await pipeline.tailrace('setup')).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('public.log: no key, inserts only, ') as string,
  });
  expect((await doctor(pipeline)).checks.filter(({ status }) => status === 'fail')).toEqual([]);
});

test('tables that cannot have a topic of their own are told', async () => {
  await using pipeline = await openPipeline({
    sql: `
      CREATE SCHEMA tailrace; CREATE TABLE tailrace.state (id int PRIMARY KEY);
      CREATE TABLE public."a.b" (id int PRIMARY KEY); CREATE TABLE public.a_b (id int PRIMARY KEY)`,
    source: { tables: ['public.*', 'tailrace.*'] },
  });
  const { checks } = await doctor(pipeline);
  expect(checks.filter(({ status }) => status === 'fail')).toMatchObject([
    {
      name: 'tables',
      evidence: expect.stringMatching(/public\.a\.b and public\.a_b|public\.a_b and public\.a\.b/) as string,
    },
    { name: 'tables', evidence: expect.stringContaining('tailrace.state') as string },
  ]);
});

test('what is not captured or must be read back is warned of', async () => {
  await using pipeline = await openPipeline({
    sql: `
      CREATE TABLE doc (id serial PRIMARY KEY, body text, twice int GENERATED ALWAYS AS (id * 2) STORED);
      CREATE UNLOGGED TABLE scratch (id int PRIMARY KEY);
      CREATE UNLOGGED TABLE excluded (id int PRIMARY KEY);
      CREATE TABLE wide (id int PRIMARY KEY, body text);
      ALTER TABLE wide REPLICA IDENTITY FULL;
      INSERT INTO doc (body) SELECT string_agg(md5(g::text), '') FROM generate_series(1, 1000) g;
      INSERT INTO wide SELECT 1, string_agg(md5(g::text), '') FROM generate_series(1, 1000) g`,
    source: { exclude: ['public.excluded'] },
  });
  const { exitCode, checks } = await doctor(pipeline);
  expect(exitCode).toBe(0);
  const warnings = checks.filter(({ status }) => status === 'warn').map(({ evidence }) => evidence);
  expect(warnings).toEqual([
    expect.stringContaining('max_slot_wal_keep_size'),
    expect.stringMatching(/^"public"."doc" keeps \d+ kB of large values \(body\)/),
    expect.stringContaining('"public"."doc": twice'),
    expect.stringContaining('"public"."scratch" is unlogged'),
  ]);
  expect(checks.find(({ name }) => name === 'sequences')?.evidence).toContain('doc_id_seq');
});

test('a publication with a row filter or with fewer operations is told, and setup mends the latter', async () => {
  await using pipeline = await openPipeline({ sql: LEDGER });
  const { database, slot } = pipeline;
  await database.query(`CREATE PUBLICATION ${slot} FOR TABLE ledger WITH (publish = 'insert')`);
  const check = async () => {
    const { checks } = await doctor(pipeline);
    return checks.filter(({ name }) => name === 'publication');
  };
  expect(await check()).toMatchObject([
    { status: 'ok', evidence: expect.stringContaining('not up to date') as string },
  ]);
  expect((await pipeline.tailrace('setup')).exitCode).toBe(0);
  expect(await check()).toMatchObject([{ evidence: `${slot} publishes the 1 captured tables` }]);
  const [options] = await database.query(
    'SELECT pubinsert, pubupdate, pubdelete, pubtruncate, pubviaroot FROM pg_publication WHERE pubname = $1',
    [slot],
  );
  expect(Object.values(options ?? {})).toEqual([true, true, true, true, true]);
  await database.query(`ALTER PUBLICATION ${slot} SET TABLE ledger WHERE (id > 5)`);
  expect(await check()).toContainEqual(
    expect.objectContaining({ status: 'fail', evidence: expect.stringContaining('row filter') as string }),
  );
});

test('a server that nobody has prepared fails with the settings to change', async () => {
  await using server = await startOwnPostgres({
    wal_level: 'replica',
    max_slot_wal_keep_size: '1GB',
    wal_sender_timeout: '0',
    logical_decoding_work_mem: '1MB',
    idle_replication_slot_timeout: '60',
    max_replication_slots: '1',
  });
  vi.stubEnv('DATABASE_URL', server.url);
  await using pipeline = await openPipeline({ sql: LEDGER });
  await server.query("SELECT pg_create_physical_replication_slot('taken')");
  expect(await findings(pipeline)).toEqual([
    'fail wal_level',
    'fail replication slots',
    'warn wal_sender_timeout',
    'warn logical_decoding_work_mem',
    'warn idle_replication_slot_timeout',
  ]);
});

test('a standby as source is a failure, and the producer refuses it too', async () => {
  await using server = await startOwnPostgres();
  vi.stubEnv('DATABASE_URL', server.url);
  await using pipeline = await openPipeline({ sql: LEDGER });
  await server.stop();
  await using standby = await server.copy();
  await server.start();
  await standby.startAsStandby();
  const url = new URL(standby.url);
  url.pathname = `/${pipeline.database.name}`;
  pipeline.configure({ url: url.href });
  expect(await findings(pipeline)).toContain('fail primary');
  const { exitCode, stderr } = await pipeline.start('producer').ended;
  expect(exitCode).toBe(6);
  expect(stderr).toContain('error SOURCE_IN_RECOVERY: ');
});

test('a standby of the server must have a copy of the slot, and the slot must wait for it', async () => {
  await using server = await startOwnPostgres({ max_slot_wal_keep_size: '1GB' });
  vi.stubEnv('DATABASE_URL', server.url);
  await using pipeline = await openPipeline({ sql: LEDGER, source: { failoverSlot: false } });
  await server.query("SELECT pg_create_physical_replication_slot('replica')");
  const failover = async () => {
    const { checks } = await doctor(pipeline);
    return checks.find(({ name }) => name === 'failover');
  };
  const producer = pipeline.start('producer');
  await pipeline.untilCaptured();
  await producer.end('SIGTERM');
  const lacking = await failover();
  expect(lacking).toMatchObject({
    status: 'warn',
    evidence: expect.stringContaining('is not a failover slot') as string,
  });
  const statement = /ALTER_REPLICATION_SLOT .*;/.exec(lacking?.fix ?? '')?.[0] ?? '';
  await until('the slot is free for the printed statement', () => runOn(pipeline.database.url, statement));
  expect(await failover()).toMatchObject({
    status: 'warn',
    fix: expect.stringContaining('synchronized_standby_slots') as string,
  });
  await server.query("ALTER SYSTEM SET synchronized_standby_slots = 'replica'");
  await server.query('SELECT pg_reload_conf()');
  await until('the slot waits for the standby', async () => (await failover())?.status === 'ok');
});

/** Whether the statement of the replication protocol succeeded. */
async function runOn(url: string, statement: string): Promise<boolean> {
  const config: pg.ClientConfig & { replication: string } = {
    connectionString: url,
    replication: 'database',
  };
  const client = new pg.Client(config);
  await client.connect();
  try {
    await client.query(statement);
    return true;
  } catch {
    return false;
  } finally {
    await client.end();
  }
}

test('a lost position is told before a producer meets it', async () => {
  await using pipeline = await openPipeline({ sql: LEDGER });
  const { database, slot } = pipeline;
  const producer = pipeline.start('producer');
  await pipeline.untilCaptured();
  expect((await doctor(pipeline)).exitCode).toBe(0);
  await producer.end('SIGTERM');
  await database.query('INSERT INTO ledger VALUES (1, 1)');
  await until('the slot is moved on by somebody else', () =>
    database
      .query('SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())', [slot])
      .then(() => true)
      .catch(() => false),
  );
  const { exitCode, checks } = await doctor(pipeline);
  expect(exitCode).toBe(6);
  expect(checks).toContainEqual(
    expect.objectContaining({
      name: 'slot',
      status: 'fail',
      evidence: expect.stringContaining('beyond') as string,
    }),
  );
});

test('a refused login ends with 4, and a Kafka that is down leaves Postgres looked at', async () => {
  await using pipeline = await openPipeline({ sql: LEDGER });
  const url = new URL(pipeline.database.url);
  url.password = 'wrong';
  pipeline.configure({ url: url.href });
  const refused = await pipeline.tailrace('doctor', '--json');
  expect(refused.exitCode).toBe(4);
  expect(refused.stdout).toContain('SOURCE_AUTH_FAILED');
  expect(refused.stdout).not.toContain('wrong');
  pipeline.configure({});
  vi.stubEnv('KAFKA_BROKERS', '127.0.0.1:1');
  const { exitCode, checks } = await doctor(pipeline);
  expect(exitCode).toBe(6);
  expect(checks.filter(({ status }) => status === 'fail')).toMatchObject([{ part: 'kafka' }]);
});

test('the SQL of setup --print-sql makes a role that runs a producer, and before it every lack is told', async () => {
  await using pipeline = await openPipeline({
    sql: `
      CREATE SCHEMA "Shop floor";
      CREATE TABLE "Shop floor"."Order" (id int PRIMARY KEY, n int);
      CREATE TABLE policed (id int PRIMARY KEY);
      REVOKE USAGE ON SCHEMA public FROM PUBLIC`,
    source: { tables: ['public.*', 'Shop floor.*'] },
  });
  const { database } = pipeline;
  await database.query(`REVOKE CONNECT ON DATABASE ${database.name} FROM PUBLIC`);
  await using role = temporaryRole(database);
  const url = new URL(database.url);
  url.username = role.name;
  url.password = 'secret';
  pipeline.configure({ url: url.href });
  expect((await pipeline.tailrace('doctor')).exitCode, 'a role that is not there yet').toBe(4);

  // With nothing but the login, it can already print what it lacks.
  await database.query(`CREATE ROLE ${role.name} LOGIN PASSWORD 'secret'`);
  await database.query(`GRANT CONNECT ON DATABASE ${database.name} TO ${role.name}`);
  expect(await findings(pipeline)).toEqual([
    'warn max_slot_wal_keep_size',
    'fail replication right',
    'fail schema rights',
    'fail table rights',
    'fail publication',
  ]);
  const { stdout: sql } = await pipeline.tailrace('setup', '--print-sql', '--role', role.name);
  await role.drop();

  await database.query(sql.replace("PASSWORD '...'", "PASSWORD 'secret'"));
  expect(await findings(pipeline)).toEqual(['warn max_slot_wal_keep_size']);
  const producer = pipeline.start('producer');
  await database.query('INSERT INTO "Shop floor"."Order" VALUES (1, 1)');
  await pipeline.untilCaptured();
  expect(await pipeline.records('Shop_floor.Order')).toHaveLength(1);
  expect(await producer.end('SIGTERM')).toMatchObject({ exitCode: 0 });

  await database.query('ALTER TABLE policed ENABLE ROW LEVEL SECURITY');
  expect(await findings(pipeline)).toContain('fail row security');
  const refused = await pipeline.start('producer').ended;
  expect(refused).toMatchObject({ exitCode: 4, stderr: expect.stringContaining('BYPASSRLS') as string });
});

/** A name for a role, which is dropped with all its rights at the end. */
function temporaryRole(
  database: SourceDatabase,
): AsyncDisposable & { readonly name: string; drop(): Promise<void> } {
  const name = `role_of_${database.name}`;
  const drop = async () => {
    const roles = await database.query('SELECT FROM pg_roles WHERE rolname = $1', [name]);
    if (roles.length === 0) return;
    await database.query(`DROP OWNED BY ${name}`);
    await database.query(`DROP ROLE ${name}`);
  };
  return { name, drop, [Symbol.asyncDispose]: drop };
}
