import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, chmodSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allPids, identify, isAlive } from './process-tree.ts';
import { resetStack, startServer, startStack, stopServer, stopStack } from './stack-control.ts';
import { stackStatus, type ServerStatus } from './stack-status.ts';

const projectRoot = dirname(import.meta.dirname);
const name = 'integration';
const only = ['postgres', 'redis'];
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'stack-'));
  chmodSync(folder, 0o755);
  process.env['TAILRACE_STACK_DIR'] = folder;
  for (const server of only) delete process.env[`TEST_${server.toUpperCase()}_URL`];
});

afterAll(async () => {
  await resetStack({ name });
  delete process.env['TAILRACE_STACK_DIR'];
  rmSync(folder, { recursive: true });
});

async function statusOf(server: string): Promise<ServerStatus> {
  const [status] = await stackStatus({ name, only: [server] });
  if (status === undefined) throw new Error(`no status of ${server}`);
  return status;
}

/** The stack command as a user runs it: its exit code and what it says on standard error. */
async function runStack(args: readonly string[], env: Record<string, string>) {
  const { promise, resolve } = Promise.withResolvers<{ exitCode: number; text: string }>();
  const script = join(projectRoot, 'infra', 'stack.ts');
  execFile(process.execPath, [script, ...args], { env: { ...process.env, ...env } }, (error, _stdout, text) =>
    resolve({ exitCode: typeof error?.code === 'number' ? error.code : 0, text }),
  );
  return promise;
}

async function withRedis<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  // The client tells why it was refused in this event only.
  let refusal: Error | undefined;
  redis.on('error', (error) => {
    refusal = error;
  });
  try {
    await redis.connect();
    return await work(redis);
  } catch (thrown) {
    throw refusal ?? thrown;
  } finally {
    redis.disconnect();
  }
}

async function query(url: string, text: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

test('a stack comes up, up again changes nothing, and a crashed server comes back with its data', async () => {
  const { env, servers } = await startStack({ name, only });
  expect(servers).toEqual(only);
  const { DATABASE_URL: databaseUrl = '', REDIS_URL: redisUrl = '' } = env;
  const level = "SELECT current_setting('wal_level') AS level";
  expect(await query(databaseUrl, level)).toEqual([{ level: 'logical' }]);
  await query(databaseUrl, 'CREATE TABLE kept AS SELECT 1 AS id');
  await withRedis(redisUrl, (redis) => redis.set('kept', 'yes'));

  const before = await stackStatus({ name, only });
  expect(before.map((status) => status.state)).toEqual(['running', 'running']);
  expect((await startStack({ name, only })).env).toEqual(env);
  expect((await stackStatus({ name, only })).map(({ pid }) => pid)).toEqual(before.map(({ pid }) => pid));

  const [, redisBefore] = before;
  const running = identify(redisBefore?.pid ?? 0);
  if (running === undefined) throw new Error('redis does not run');
  process.kill(running.pid, 'SIGKILL');
  await expect.poll(() => isAlive(running)).toBe(false);
  const crashed = await statusOf('redis');
  expect(crashed.state).toBe('crashed');
  expect(crashed.logTail?.join('\n')).toContain('Ready to accept connections');

  await startServer(name, 'redis');
  expect((await statusOf('redis')).address).toBe(redisBefore?.address);
  expect(await withRedis(redisUrl, (redis) => redis.get('kept'))).toBe('yes');

  await stopServer(name, 'postgres', 'SIGKILL');
  expect((await statusOf('postgres')).state).toBe('stopped');
  await startServer(name, 'postgres');
  expect(await query(databaseUrl, 'SELECT id FROM kept')).toEqual([{ id: 1 }]);
});

test('a wrong password is refused', async () => {
  const { env } = await startStack({ name, only });
  const wrong = (url = '') => url.replace(/:[0-9a-f]{24}@/, ':wrong@');
  await expect(query(wrong(env['DATABASE_URL']), 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
  await expect(withRedis(wrong(env['REDIS_URL']), (redis) => redis.ping())).rejects.toThrow('WRONGPASS');
});

test('down leaves no process, and the data is there at the next up', async () => {
  const { env } = await startStack({ name, only });
  await withRedis(env['REDIS_URL'] ?? '', (redis) => redis.set('survivor', 'yes'));
  const pids = (await stackStatus({ name, only })).map((status) => status.pid ?? 0);
  const running = pids.map(identify);
  expect(running).not.toContain(undefined);
  await stopStack({ name });
  expect(allPids().filter((pid) => pids.includes(pid) && identify(pid) !== undefined)).toEqual([]);
  expect((await stackStatus({ name, only })).map((status) => status.state)).toEqual(['stopped', 'stopped']);
  const again = await startStack({ name, only: ['redis'] });
  expect(await withRedis(again.env['REDIS_URL'] ?? '', (redis) => redis.get('survivor'))).toBe('yes');
});

test('a server of the user is not started, and its address goes into the environment', async () => {
  process.env['TEST_REDIS_URL'] = 'redis://elsewhere:6379';
  try {
    const { env } = await startStack({ name: 'outside', only: ['redis'] });
    expect(env).toEqual({ REDIS_URL: 'redis://elsewhere:6379' });
    const [status] = await stackStatus({ name: 'outside', only: ['redis'] });
    expect(status?.state).toBe('outside');
  } finally {
    delete process.env['TEST_REDIS_URL'];
    await resetStack({ name: 'outside' });
  }
});

test('an explicit port that is in use ends in exit code 5', async () => {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const { exitCode, text } = await runStack(['up', '--name', 'conflict', '--only', 'redis'], {
    TAILRACE_REDIS_PORT: String(port),
  });
  listener.close();
  expect(exitCode).toBe(5);
  expect(text).toContain(`port ${port} (from TAILRACE_REDIS_PORT) is in use by process ${process.pid}`);
});

test('without Java the command says what is missing and ends in exit code 6', async () => {
  const { exitCode, text } = await runStack(['up', '--name', 'no-java', '--only', 'kafka,neo4j'], {
    TAILRACE_JAVA_HOME: join(folder, 'no-java'),
    TEST_KAFKA_URL: '',
    TEST_NEO4J_URL: '',
  });
  expect(exitCode).toBe(6);
  expect(text).toContain('Java 21 or newer is missing (found: none); kafka, neo4j need it: install a JDK');
});

test('an unknown server or command is a usage error with exit code 2', async () => {
  expect(await runStack(['up', '--only', 'oracle'], {})).toMatchObject({ exitCode: 2 });
  expect(await runStack(['sideways'], {})).toMatchObject({ exitCode: 2 });
});
