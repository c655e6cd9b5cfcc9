import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { STORE_TYPES, type StoreType } from '../../examples/equality/reader.ts';
import { startOwnPostgres } from './own-postgres.ts';
import { onServer, openSourceDatabase, type SourceDatabase } from './source-database.ts';
import { addressOf } from './stores.ts';
import { startTailrace } from './worker.ts';

const WRONG_PASSWORD = 'wr0ng-pa55word';
const folder = mkdtempSync(join(tmpdir(), 'tailrace-bad-input-'));
const rolePassword = randomUUID();
const readOnlyRole = `reads_${randomUUID().slice(0, 8)}`;
const replicatingRole = `replicates_${randomUUID().slice(0, 8)}`;
let database: SourceDatabase;

beforeAll(async () => {
  database = await openSourceDatabase();
  await database.query(`
    CREATE TABLE orders (id int PRIMARY KEY, note text);
    CREATE TABLE keyless (id int);
    CREATE TABLE secrets (id int PRIMARY KEY);
    CREATE TABLE deferred (id int PRIMARY KEY DEFERRABLE);
    CREATE SCHEMA app;
    CREATE SCHEMA app_user;
    CREATE TABLE app.user_roles (id int PRIMARY KEY);
    CREATE TABLE app_user.roles (id int PRIMARY KEY);
    CREATE ROLE ${readOnlyRole} LOGIN PASSWORD '${rolePassword}';
    CREATE ROLE ${replicatingRole} LOGIN REPLICATION PASSWORD '${rolePassword}';
    GRANT SELECT ON orders TO ${readOnlyRole}, ${replicatingRole}`);
});

afterAll(async () => {
  await database[Symbol.asyncDispose]();
  await onServer((server) => server.query(`DROP ROLE ${readOnlyRole}, ${replicatingRole}`));
  rmSync(folder, { recursive: true, force: true });
});

interface BadInput {
  /** Arguments of the program; default: run the producer. */
  readonly args?: readonly string[];
  /** The config, or its text. */
  readonly config?: Record<string, unknown> | string;
}

interface Complaint {
  readonly code: string;
  readonly exitCode: number;
  /** What the sentence must name. */
  readonly says: RegExp;
  /** What the fix must name. */
  readonly fix: RegExp;
}

/** Runs the program and holds it to one error, without a stack and without any password that it was given. */
async function expectComplaint({ args, config }: BadInput, complaint: Complaint): Promise<void> {
  const file = join(folder, `${randomUUID()}.yaml`);
  writeFileSync(file, typeof config === 'string' ? config : stringify({ ...goodConfig(), ...config }));
  // A later option wins over an earlier one of the same name.
  const [verb = 'run', ...rest] = args ?? ['run', 'producer'];
  const command = [verb, '-c', file, '--metrics-port', '0', ...rest];
  const ending = await startTailrace(command, { cwd: folder }).ended;
  const { stderr, stdout } = ending;
  const errors = [...stderr.matchAll(/^error (\w+): ([^]*?)\n {2}fix: (.+)$/gm)];
  expect(errors, stderr).toHaveLength(1);
  const [, code, sentence, fix] = errors[0] ?? [];
  expect({ code, exitCode: ending.exitCode }, stderr).toEqual({
    code: complaint.code,
    exitCode: complaint.exitCode,
  });
  expect(sentence).toMatch(complaint.says);
  expect(fix).toMatch(complaint.fix);
  expect(stdout).toBe('');
  expect(stderr, 'a stack trace').not.toMatch(/\bat .*:\d+:\d+|"stack"/);
  for (const secret of secrets()) expect(stderr).not.toContain(secret);
}

function goodConfig(): Record<string, unknown> {
  return {
    pipeline: `bad-${randomUUID().slice(0, 8)}`,
    source: { url: database.url, tables: ['public.orders'] },
    kafka: { brokers: ['${KAFKA_BROKERS}'] },
  };
}

function source(change: Record<string, unknown>): { source: Record<string, unknown> } {
  return { source: { url: database.url, tables: ['public.orders'], ...change } };
}

/** Every password that the program was given, right or wrong. */
function secrets(): string[] {
  const urls = Object.entries(process.env).filter(([name]) => name.endsWith('_URL'));
  const passwords = urls.flatMap(([, url]) => /:\/\/[^/@]*:([^/@]+)@/.exec(url ?? '')?.[1] ?? []);
  return [...passwords, WRONG_PASSWORD, rolePassword];
}

function withUser(url: string, username: string, password: string): string {
  const changed = new URL(url);
  changed.username = username;
  changed.password = password;
  return changed.href;
}

/** A port on which nothing listens. */
async function deadPort(): Promise<number> {
  const server = createServer();
  const { port } = await new Promise<AddressInfo>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve(server.address() as AddressInfo)),
  );
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe.concurrent('one clear error about the config', () => {
  test('an unknown key is named with the key that was probably meant', async () => {
    await expectComplaint(
      { config: source({ snapshotChunkRow: 10 }) },
      {
        code: 'CONFIG_INVALID',
        exitCode: 2,
        says: /source: unknown key "snapshotChunkRow" \(did you mean "snapshotChunkRows"\?\); allowed: .*tables/,
        fix: /tailrace config schema/,
      },
    );
  });

  test('an unknown key of a sink is named with the key that was probably meant', async () => {
    const sinks = { cache: { type: 'redis', url: addressOf('redis'), pasword: WRONG_PASSWORD } };
    await expectComplaint(
      { config: { sinks }, args: ['run', 'sink', 'cache'] },
      {
        code: 'CONFIG_INVALID',
        exitCode: 2,
        says: /sinks\.cache: unknown key "pasword" \(did you mean "password"\?\)/,
        fix: /mend the keys/,
      },
    );
  });

  test('bad YAML is refused with its line', async () => {
    await expectComplaint(
      { config: 'pipeline: broken\nsource: {url: [\nkafka: x\n' },
      { code: 'CONFIG_INVALID', exitCode: 2, says: /is not YAML: .*line \d/s, fix: /line/ },
    );
  });

  test('an environment variable that is not set is named', async () => {
    await expectComplaint(
      { config: source({ url: '${TAILRACE_TEST_ABSENT}' }) },
      {
        code: 'CONFIG_INVALID',
        exitCode: 2,
        says: /source\.url: .*TAILRACE_TEST_ABSENT is not set/,
        fix: /set TAILRACE_TEST_ABSENT/,
      },
    );
  });

  test('an unknown type of sink is refused with the known ones', async () => {
    await expectComplaint(
      { config: { sinks: { cache: { type: 'rediss', url: addressOf('redis') } } }, args: ['run', 'all'] },
      {
        code: 'CONFIG_INVALID',
        exitCode: 2,
        says: /sinks\.cache\.type: there is no store type "rediss" \(did you mean "redis"\?\)/,
        fix: /elasticsearch.*redis/,
      },
    );
  });

  test('an unknown name of a sink is refused with the known ones', async () => {
    const sinks = { cache: { type: 'redis', url: addressOf('redis') } };
    await expectComplaint(
      { config: { sinks }, args: ['run', 'sink', 'cash'] },
      { code: 'SINK_NOT_FOUND', exitCode: 3, says: /no sink "cash"/, fix: /cache/ },
    );
  });

  test('a file that is not there is named', async () => {
    await expectComplaint(
      { args: ['run', 'producer', '-c', join(folder, 'absent.yaml')] },
      { code: 'CONFIG_NOT_FOUND', exitCode: 2, says: /absent\.yaml/, fix: /-c FILE/ },
    );
  });
});

describe.concurrent('one clear error about Postgres', () => {
  test('nobody listens at its address', async () => {
    const url = `postgres://tailrace:${WRONG_PASSWORD}@127.0.0.1:${await deadPort()}/shop`;
    await expectComplaint(
      { config: source({ url }) },
      {
        code: 'SOURCE_UNREACHABLE',
        exitCode: 6,
        says: /Postgres at postgres:\/\/tailrace:\*\*\*@.* does not answer: .*ECONNREFUSED/,
        fix: /host and port/,
      },
    );
  });

  test('it refuses the password', async () => {
    const url = withUser(database.url, 'tailrace', WRONG_PASSWORD);
    await expectComplaint(
      { config: source({ url }) },
      { code: 'SOURCE_AUTH_FAILED', exitCode: 4, says: /password authentication failed/, fix: /source\.url/ },
    );
  });

  test('the role lacks REPLICATION', async () => {
    await expectComplaint(
      { config: source({ url: withUser(database.url, readOnlyRole, rolePassword) }) },
      {
        code: 'SOURCE_PERMISSION_DENIED',
        exitCode: 4,
        says: new RegExp(`role ${readOnlyRole} may not replicate`),
        fix: new RegExp(`ALTER ROLE "${readOnlyRole}" REPLICATION`),
      },
    );
  });

  test('the role may not read a table', async () => {
    const url = withUser(database.url, replicatingRole, rolePassword);
    await expectComplaint(
      { config: source({ url, tables: ['public.orders', 'public.secrets'] }) },
      {
        code: 'SOURCE_PERMISSION_DENIED',
        exitCode: 4,
        says: new RegExp(`role ${replicatingRole} may not read table public\\.secrets`),
        fix: new RegExp(`GRANT SELECT ON "public"\\."secrets" TO "${replicatingRole}"`),
      },
    );
  });

  test('the role may not make the publication', async () => {
    await expectComplaint(
      { config: source({ url: withUser(database.url, replicatingRole, rolePassword) }) },
      {
        code: 'SOURCE_PERMISSION_DENIED',
        exitCode: 4,
        says: /permission denied for database/,
        fix: /setup --print-sql/,
      },
    );
  });

  test('a table does not exist', async () => {
    await expectComplaint(
      { config: source({ tables: ['public.order'] }) },
      {
        code: 'TABLE_NOT_FOUND',
        exitCode: 3,
        says: /no table matches public\.order \(did you mean "public\.orders"\?\)/,
        fix: /public\.orders/,
      },
    );
  });

  test('a table has no key', async () => {
    await expectComplaint(
      { config: source({ tables: ['public.keyless'] }) },
      {
        code: 'TABLE_WITHOUT_KEY',
        exitCode: 6,
        says: /table public\.keyless has no primary key/,
        fix: /ALTER TABLE "public"\."keyless" ADD PRIMARY KEY/,
      },
    );
  });

  test('updates of a table would fail once it is published, so it is not', async () => {
    await expectComplaint(
      { config: source({ tables: ['public.deferred'] }) },
      {
        code: 'TABLE_IDENTITY',
        exitCode: 6,
        says: /table public\.deferred has a deferrable primary key.*updates and deletes fail in Postgres/,
        fix: /ALTER TABLE "public"\."deferred" DROP CONSTRAINT "deferred_pkey", ADD CONSTRAINT "deferred_pkey" PRIMARY KEY \(id\);/,
      },
    );
    const published = await database.query("SELECT FROM pg_publication_tables WHERE tablename = 'deferred'");
    expect(published).toEqual([]);
  });

  test('two tables would have topics that Kafka takes for the same', async () => {
    await expectComplaint(
      { config: source({ tables: ['app.*', 'app_user.*'] }) },
      {
        code: 'TABLE_NAMES_COLLIDE',
        exitCode: 2,
        says: /tables app\.user_roles and app_user\.roles would share one topic/,
        fix: /source\.exclude/,
      },
    );
  });

  test('it refuses a query for a reason that does not pass', async () => {
    await using guarded = await openSourceDatabase();
    await guarded.query(`
      CREATE TABLE orders (id int PRIMARY KEY);
      CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not here: a-value'; END $$;
      CREATE EVENT TRIGGER refuse_ddl ON ddl_command_start EXECUTE FUNCTION refuse()`);
    await expectComplaint(
      { config: source({ url: guarded.url }) },
      {
        code: 'SOURCE_QUERY_FAILED',
        exitCode: 1,
        says: /SQLSTATE P0001: the message is left out/,
        fix: /log of Postgres/,
      },
    );
  });

  test('its wal_level is replica', async () => {
    await using server = await startOwnPostgres({ wal_level: 'replica' });
    await expectComplaint(
      { config: source({ url: server.url }) },
      {
        code: 'SOURCE_WAL_LEVEL',
        exitCode: 6,
        says: /wal_level is replica/,
        fix: /ALTER SYSTEM SET wal_level = logical; and restart/,
      },
    );
  });
});

test.concurrent('a port that another program has is one clear error', async () => {
  const holder = createServer();
  const port = await new Promise<number>((resolve) =>
    holder.listen(0, '127.0.0.1', () => resolve((holder.address() as AddressInfo).port)),
  );
  try {
    await expectComplaint(
      { args: ['run', 'producer', '--metrics-port', String(port)] },
      { code: 'PORT_IN_USE', exitCode: 5, says: new RegExp(`port ${port} `), fix: /--metrics-port/ },
    );
  } finally {
    holder.close();
  }
});

test.concurrent('a Kafka address where nobody listens is one clear error', async () => {
  const broker = `127.0.0.1:${await deadPort()}`;
  await expectComplaint(
    { config: { kafka: { brokers: [broker] } } },
    { code: 'KAFKA_UNREACHABLE', exitCode: 1, says: new RegExp(broker), fix: /kafka\.brokers/ },
  );
});

describe.concurrent.each<StoreType>([...STORE_TYPES])('one clear error about %s', (type) => {
  test('it refuses the password', async () => {
    const url = withUser(addressOf(type), new URL(addressOf(type)).username, WRONG_PASSWORD);
    await expectComplaint(
      { config: { sinks: { store: { type, url } } }, args: ['run', 'sink', 'store'] },
      { code: 'SINK_AUTH_FAILED', exitCode: 4, says: /the store failed/, fix: /user ?name.*password/ },
    );
  });
});
