import { expect, test } from 'vitest';
import { startTcpProxy } from '../tcp-proxy.ts';
import { openPipeline, type Pipeline } from './harness.ts';
import { until } from './until.ts';
import type { Worker } from './worker.ts';

interface HaltedTable {
  readonly table: string;
  readonly code: string;
  readonly message: string;
  readonly fix: string;
}

const TABLES = `
  CREATE TABLE item (id int PRIMARY KEY, n int);
  CREATE TABLE other (id int PRIMARY KEY, n int);
  INSERT INTO item SELECT i, i FROM generate_series(1, 6) i;
  INSERT INTO other VALUES (1, 1)`;

const openItems = () =>
  openPipeline({ sql: TABLES, avro: true, sinks: { cache: 'redis' }, tables: ['item', 'other'] });

function registryUrl(): string {
  const url = process.env['REGISTRY_URL'];
  if (url === undefined) throw new Error('this test needs the schema registry: set REGISTRY_URL');
  return url;
}

/** Puts a proxy between the pipeline and its registry. It is cut at the end, also for what is still connected. */
async function proxyRegistry(pipeline: Pipeline) {
  const target = new URL(registryUrl());
  const proxy = await startTcpProxy(target.hostname, Number(target.port));
  target.port = String(proxy.port);
  pipeline.configureRegistry(target.href);
  return { ...proxy, [Symbol.asyncDispose]: () => proxy.cut().catch(() => undefined) };
}

async function askRegistry(method: string, path: string, body?: object): Promise<number> {
  const response = await fetch(`${registryUrl()}${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  await response.body?.cancel();
  return response.status;
}

async function haltedTables(worker: Worker): Promise<readonly HaltedTable[]> {
  return (await worker.status('producer')).details['haltedTables'] as readonly HaltedTable[];
}

async function untilHalted(worker: Worker): Promise<HaltedTable> {
  const halted = await until(
    () => `a table is halted; it wrote:\n${worker.stderr()}`,
    async () => {
      const [found] = await haltedTables(worker);
      return found;
    },
  );
  return halted;
}

const untilMended = (worker: Worker) =>
  until(
    () => `no table is halted; it wrote:\n${worker.stderr()}`,
    async () => (await haltedTables(worker)).length === 0,
  );

/** Item with a column of an incompatible type, and changes that come before and after the halt. */
async function haltItem(pipeline: Pipeline, worker: Worker): Promise<HaltedTable> {
  await pipeline.database.query('ALTER TABLE item ALTER n TYPE text USING n::text');
  await pipeline.database.query(`UPDATE item SET n = 'changed' WHERE id = 1`);
  const halted = await untilHalted(worker);
  await pipeline.database.query(`DELETE FROM item WHERE id = 2; INSERT INTO item VALUES (7, 'seven');
    UPDATE item SET id = 30 WHERE id = 3; INSERT INTO other VALUES (2, 2)`);
  await pipeline.slotConfirms();
  return halted;
}

test('an incompatible change halts only its table, which is read again once the rule allows it', async () => {
  await using pipeline = await openItems();
  const worker = pipeline.start('all');
  await pipeline.untilCaughtUp();
  const halted = await haltItem(pipeline, worker);
  const subject = `${pipeline.name}.public.item-value`;
  expect(halted).toMatchObject({ table: 'public.item', code: 'SCHEMA_INCOMPATIBLE' });
  expect(halted.message).toBe(
    `the new schema of ${subject} breaks the rule BACKWARD against version 1: n: string, was int`,
  );
  for (const way of ['"compatibility":"NONE"', 'delete the subject', 'source.exclude'])
    expect(halted.fix).toContain(way);
  const line = `halted table public.item: ${halted.message}\n`;
  await until('status prints it', async () => (await pipeline.tailrace('status')).stdout.includes(line));

  await pipeline.untilCaughtUp();
  await pipeline.expectEqual(['public.other']);
  expect((await worker.status('producer')).state).toBe('running');
  expect(await worker.metric('tailrace_capture_halted_tables')).toBe(1);

  expect(await askRegistry('PUT', `/config/${subject}`, { compatibility: 'NONE' })).toBe(200);
  await untilMended(worker);
  await pipeline.untilCaughtUp();
  await pipeline.expectEqual(['public.item', 'public.other']);
});

test('a producer that is killed while a table is halted, and mended meanwhile, reads the table again', async () => {
  await using pipeline = await openItems();
  const worker = pipeline.start('producer');
  pipeline.start('sink', 'cache');
  await pipeline.untilCaughtUp();
  await haltItem(pipeline, worker);
  await worker.end('SIGKILL');
  // Back in the form that the sinks know, nothing but the state topic tells that changes are missing.
  await pipeline.database.query('ALTER TABLE item ALTER n TYPE int USING length(n)');
  await untilMended(pipeline.start('producer'));
  await pipeline.untilCaughtUp();
  await pipeline.expectEqual(['public.item', 'public.other']);
});

test('a table that is changed back goes on; a truncate while it was halted is not lost', async () => {
  await using pipeline = await openItems();
  const worker = pipeline.start('all');
  await pipeline.untilCaughtUp();
  await haltItem(pipeline, worker);
  await pipeline.database.query(`TRUNCATE item`);
  await pipeline.database.query(`INSERT INTO item VALUES (9, '9')`);
  await pipeline.database.query('ALTER TABLE item ALTER n TYPE int USING n::int');
  await pipeline.database.query(`INSERT INTO item VALUES (10, 10)`);
  await untilMended(worker);
  await pipeline.untilCaughtUp();
  await pipeline.expectEqual(['public.item', 'public.other']);
});

test('with source.snapshot never an incompatible change ends the producer, since it could not read the table again', async () => {
  await using pipeline = await openPipeline({ sql: TABLES, avro: true });
  const first = pipeline.start('producer');
  await pipeline.untilCaptured();
  await first.end('SIGTERM');
  pipeline.configure({ snapshot: 'never' });
  await pipeline.database.query('ALTER TABLE item ALTER n TYPE text USING n::text');
  const { exitCode, stderr } = await pipeline.start('producer').ended;
  expect(exitCode).toBe(5);
  expect(stderr).toContain('error SCHEMA_INCOMPATIBLE: ');
});

test('while the registry is down changes flow; what needs it waits with a clear status, and nothing is lost', async () => {
  await using pipeline = await openPipeline({
    sql: TABLES,
    avro: true,
    sinks: { cache: 'redis' },
    tables: ['item', 'other', 'later'],
  });
  await using proxy = await proxyRegistry(pipeline);
  const worker = pipeline.start('producer');
  const sink = pipeline.start('sink', 'cache');
  await pipeline.untilCaughtUp();

  await proxy.cut();
  await pipeline.database.query('UPDATE item SET n = n + 1');
  await pipeline.untilCaughtUp();
  await pipeline.expectEqual(['public.item', 'public.other']);

  await pipeline.database.query('CREATE TABLE later (id int PRIMARY KEY); INSERT INTO later VALUES (1)');
  const status = await until('the producer tells what it waits for', async () => {
    const found = await worker.status('producer');
    return found.state === 'retrying' ? found : undefined;
  });
  expect(status.lastError).toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
  await proxy.restore();
  await pipeline.untilCaughtUp();
  await until('the sink has the new table', () =>
    sink.log().some(({ msg }) => String(msg).includes('tables were added')),
  );
  await pipeline.untilCaughtUp();
  await pipeline.expectEqual(['public.item', 'public.later', 'public.other']);
});

test('a sink that starts while the registry is down waits for it', async () => {
  await using pipeline = await openItems();
  pipeline.start('producer');
  await pipeline.untilCaptured();
  await using proxy = await proxyRegistry(pipeline);
  await proxy.cut();
  const sink = pipeline.start('sink', 'cache');
  await until(
    () => `the sink tells that the registry is away; it wrote:\n${sink.stderr()}`,
    async () => {
      const { state, lastError } = await sink.status();
      return state === 'retrying' && lastError?.code === 'REGISTRY_UNREACHABLE';
    },
  );
  await proxy.restore();
  await pipeline.untilCaughtUp();
  await pipeline.expectEqual(['public.item', 'public.other']);
});

test('a registry that does not answer in time is one that is down', async () => {
  await using pipeline = await openPipeline({ sql: TABLES, avro: true });
  await using proxy = await proxyRegistry(pipeline);
  proxy.freeze();
  const { exitCode, stderr } = await pipeline.start('producer').ended;
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/error REGISTRY_UNREACHABLE: .*does not answer .*timeout/);
});

test('a subject that was deleted is registered again while the producer runs, and readers find its schema', async () => {
  await using pipeline = await openItems();
  pipeline.start('producer');
  await pipeline.untilCaptured();
  const subject = `/subjects/${pipeline.name}.public.item-value`;
  expect(await askRegistry('DELETE', subject)).toBe(200);
  expect(await askRegistry('GET', `${subject}/versions/latest`)).toBe(404);
  await until(
    'the subject is there again',
    async () => (await askRegistry('GET', `${subject}/versions/latest`)) === 200,
  );
  await pipeline.database.query('UPDATE item SET n = n + 1');
  pipeline.start('sink', 'cache');
  await pipeline.untilCaughtUp();
  await pipeline.expectEqual(['public.item', 'public.other']);
});
