import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { makeTarget, positionAt } from '../../test/sink-contract-model.ts';
import { openClient } from './client.ts';
import { optionsSchema, tableOptionsSchema } from './config.ts';
import { openPartsWatch } from './parts-watch.ts';
import { createClickHouseSink } from './sink.ts';
import { historyOf } from './table-layout.ts';
import { server } from './test-sink.ts';

const IN_301_PARTS =
  'FROM numbers(301) SETTINGS max_block_size = 1, min_insert_block_size_rows = 1, min_insert_block_size_bytes = 1';

beforeAll(() => server.run(`CREATE DATABASE ${server.database} ENGINE = Atomic`));
afterAll(() => server.run(`DROP DATABASE ${server.database}`));
afterEach(() => vi.restoreAllMocks());

test('a table with too many parts is told of once a minute, one with few is not', async () => {
  const client = openClient(optionsSchema.parse({ url: server.url }), {});
  const lines: unknown[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  let nowMs = 0;
  const watch = openPartsWatch(client, log, () => nowMs);
  for (const name of ['crowded', 'calm'])
    await server.run(`CREATE TABLE ${name} (id Int64) ENGINE = MergeTree PARTITION BY id % 2 ORDER BY id`);
  await server.run('SYSTEM STOP MERGES crowded');
  await server.run(`INSERT INTO crowded SELECT number * 2 ${IN_301_PARTS}`);
  await server.run('INSERT INTO calm VALUES (1)');
  await watch(['crowded', 'calm']);
  expect(lines).toEqual([]);
  nowMs = 60_000;
  await watch(['calm']);
  expect(lines).toEqual([expect.objectContaining({ level: 40, table: 'crowded', parts: 301 })]);
  nowMs = 60_001;
  await watch(['crowded']);
  expect(lines).toHaveLength(1);
  await client.close();
});

test('a history with too many parts is told of too', async () => {
  const target = makeTarget('watched', ['id'], { id: { kind: 'int8' } });
  const lines: unknown[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  let nowMs = 0;
  vi.spyOn(Date, 'now').mockImplementation(() => nowMs);
  const context = { name: 'test', log, tableOptions: () => tableOptionsSchema.parse({ history: true }) };
  const sink = createClickHouseSink(optionsSchema.parse({ url: server.url }), context);
  await sink.prepare([target]);
  const table = historyOf(target.name);
  await server.run(`SYSTEM STOP MERGES ${table}`);
  await server.run(`INSERT INTO ${table} (id) SELECT number ${IN_301_PARTS}`);
  nowMs = 60_000;
  const event = {
    table: target.table,
    op: 'c' as const,
    key: { id: 1n },
    before: null,
    after: { id: 1n },
    position: positionAt(1),
    source: { name: 'p', db: 'd', txId: 1, lsn: 8n, tsUs: 0, snapshot: false },
    tsMs: 0,
  };
  await sink.history.record([{ target, event }]);
  expect(lines).toEqual([expect.objectContaining({ level: 40, table })]);
  await sink.close();
});

test('parts that cannot be looked at stop nothing', async () => {
  const away = openClient(optionsSchema.parse({ url: 'http://127.0.0.1:1' }), {});
  const lines: unknown[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  let nowMs = 0;
  const watch = openPartsWatch(away, log, () => nowMs);
  nowMs = 60_000;
  await watch(['any']);
  expect(lines).toEqual([
    expect.objectContaining({ level: 40, msg: 'the parts of the tables cannot be watched' }),
  ]);
  await away.close();
});
