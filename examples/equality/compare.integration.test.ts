import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { serverUrl } from './hand-written.ts';

const name = `eq_${randomBytes(4).toString('hex')}`;
const databaseUrl = serverUrl('DATABASE_URL');
const redisUrl = serverUrl('REDIS_URL');
const redis = new Redis(redisUrl);
const postgres = new pg.Client({ connectionString: databaseUrl });
const servers = { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl };

beforeAll(async () => {
  await postgres.connect();
  await postgres.query(
    `CREATE TABLE ${name} (id int PRIMARY KEY, value text); INSERT INTO ${name} VALUES (1, 'a')`,
  );
  await redis.hset(`${name}:1`, { id: '1', value: 'a' });
});

afterAll(async () => {
  await redis.del(`${name}:1`);
  await redis.quit();
  await postgres.query(`DROP TABLE ${name}`);
  await postgres.end();
});

interface Ended {
  readonly code: number | string | null | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

async function compare(environment: Record<string, string>, ...options: string[]): Promise<Ended> {
  const program = fileURLToPath(new URL('compare.ts', import.meta.url));
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...options], { env: environment }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code, stdout, stderr });
    });
  });
}

test('equal stores end with exit code 0', async () => {
  const ended = await compare(servers, '--tables', `public.${name}`);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(ended.stdout).toMatch(
    new RegExp(`^public\\.${name} +redis +1 +1 +0 +0 +0 +\\d+\\.\\d +equal$`, 'm'),
  );
});

test('a difference ends with exit code 8, also when another store could not be read', async () => {
  await redis.hset(`${name}:1`, 'value', 'b');
  const ended = await compare(
    { ...servers, NEO4J_URL: 'bolt://127.0.0.1:2' },
    '--tables',
    `public.${name}`,
    '--show-values',
  );
  await redis.hset(`${name}:1`, 'value', 'a');
  expect(ended).toMatchObject({ code: 8, stderr: '' });
  expect(ended.stdout).toContain('DIFFERENT');
  expect(ended.stdout).toContain('id="1": column value is "a" in Postgres, "b" in the store');
  expect(ended.stdout).toContain(`public.${name} in neo4j could not be read`);
});

test.each([
  ['ELASTICSEARCH_URL', 'http://127.0.0.1:2'],
  ['CLICKHOUSE_URL', 'http://127.0.0.1:2'],
  ['MONGODB_URL', 'mongodb://127.0.0.1:2'],
  ['REDIS_URL', 'redis://127.0.0.1:2'],
  ['NEO4J_URL', 'bolt://127.0.0.1:2'],
])('a server that %s does not reach ends with exit code 1 and says why', async (variable, url) => {
  const ended = await compare({ DATABASE_URL: databaseUrl, [variable]: url }, '--tables', `public.${name}`);
  expect(ended).toMatchObject({ code: 1, stderr: '' });
  expect(ended.stdout).toContain('unreadable');
  expect(ended.stdout).toMatch(/could not be read: .*ECONNREFUSED/);
});

test('a Postgres that cannot be reached ends with exit code 1', async () => {
  const ended = await compare(
    { ...servers, DATABASE_URL: 'postgres://127.0.0.1:2/x' },
    '--tables',
    'public.x',
  );
  expect(ended.code).toBe(1);
  expect(ended.stderr).toMatch(/^Postgres could not be read: .*ECONNREFUSED/);
});

test.each([
  ['no table', servers, [], 'Name the tables'],
  ['no database', { REDIS_URL: redisUrl }, ['--tables', 'public.x'], 'DATABASE_URL is not set'],
  ['no store', { DATABASE_URL: databaseUrl }, ['--tables', 'public.x'], 'No store to compare'],
  ['an unknown option', servers, ['--table', 'public.x'], "Unknown option '--table'"],
])('%s ends with exit code 2 and the usage', async (_what, environment, options, sentence) => {
  const ended = await compare(environment, ...options);
  expect(ended.code).toBe(2);
  expect(ended.stderr).toContain(sentence);
  expect(ended.stderr).toContain('usage: node examples/equality/compare.ts');
});
