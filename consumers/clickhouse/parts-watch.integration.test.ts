import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openClient } from './client.ts';
import { optionsSchema } from './config.ts';
import { openPartsWatch } from './parts-watch.ts';
import { server } from './test-sink.ts';

beforeAll(() => server.run(`CREATE DATABASE ${server.database} ENGINE = Atomic`));
afterAll(() => server.run(`DROP DATABASE ${server.database}`));

test('a table with too many parts is told of once a minute, one with few is not', async () => {
  const client = openClient(optionsSchema.parse({ url: server.url }), {});
  const lines: unknown[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  let nowMs = 0;
  const watch = openPartsWatch(client, log, () => nowMs);
  for (const name of ['crowded', 'calm'])
    await server.run(`CREATE TABLE ${name} (id Int64) ENGINE = MergeTree PARTITION BY id % 2 ORDER BY id`);
  await server.run('SYSTEM STOP MERGES crowded');
  for (let id = 0; id < 301; id++) await server.run(`INSERT INTO crowded VALUES (${id * 2})`);
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
