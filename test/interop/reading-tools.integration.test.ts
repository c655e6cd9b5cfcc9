import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runKcat, runWithFastavro } from '../../infra/reading-tools.ts';
import { openPipeline, type Pipeline, type PipelineOptions } from '../pipeline/harness.ts';

const SQL = `
  CREATE TYPE mood AS ENUM ('sad', 'happy');
  CREATE TABLE people (
    id bigint PRIMARY KEY, name text, price numeric(10, 2), born date, at timestamptz, uid uuid, mood mood, photo bytea, score float8);
  INSERT INTO people VALUES
    (9007199254740993, 'Zoë "Z"', 12.50, '1984-02-29', '2024-02-29 12:00:00.123456+00',
     'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'happy', '\\x00ff', 0.1),
    (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`;

const say = (line: string) => void process.stderr.write(`${line}\n`);

async function captured(options: PipelineOptions): Promise<Pipeline> {
  const pipeline = await openPipeline({ sql: SQL, ...options });
  onTestFinished(() => pipeline[Symbol.asyncDispose]());
  pipeline.start('producer');
  await pipeline.untilCaptured();
  await pipeline.database.query(`UPDATE people SET name = 'Anna' WHERE id = 2`);
  await pipeline.database.query('DELETE FROM people WHERE id = 2');
  await pipeline.untilCaptured();
  return pipeline;
}

test('kcat reads keys, values, tombstones and headers of a JSON topic', async () => {
  const { name } = await captured({ partitions: 1 });
  const brokers = process.env['KAFKA_BROKERS'] ?? '';
  const format = '%k\\t%S\\t%s\\t%h\\n';
  const text = await runKcat(
    ['-C', '-q', '-e', '-b', brokers, '-t', `${name}.public.people`, '-f', format],
    say,
  );
  const records = text
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'));
  const keys = records.map(([key]) => key);
  // The snapshot gives the rows in the order of their keys.
  expect(keys).toEqual(['{"id":2}', '{"id":9007199254740993}', '{"id":2}', '{"id":2}', '{"id":2}']);
  const [, first] = records;
  const { after, op, source } = JSON.parse(first?.[2] ?? '') as Record<string, Record<string, unknown>>;
  expect(op).toBe('r');
  expect(after).toMatchObject({
    name: 'Zoë "Z"',
    uid: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    mood: 'happy',
  });
  expect(source).toMatchObject({ connector: 'postgresql', schema: 'public', table: 'people' });
  const ops = records.map(([, length, value]) =>
    length === '-1' ? 'tombstone' : (JSON.parse(value ?? '') as { op: string }).op,
  );
  expect(ops).toEqual(['r', 'r', 'u', 'd', 'tombstone']);
  for (const [, , , headers] of records)
    expect(headers).toMatch(/tailrace\.position=[0-9a-f]{32}.*tailrace\.schema=[0-9a-f]{16}/);
}, 120_000);

test('fastavro reads keys and values of an Avro topic, with the meaning of their logical types', async () => {
  const pipeline = await captured({ partitions: 1, avro: true });
  const records = await pipeline.records('public.people');
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-avro-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'records');
  const lines = records.map(({ key, value }) =>
    JSON.stringify({ key: key.toString('hex'), value: value?.toString('hex') ?? null }),
  );
  writeFileSync(file, lines.join('\n'));
  const script = join(import.meta.dirname, 'read_avro.py');
  const text = await runWithFastavro(script, [process.env['REGISTRY_URL'] ?? '', file], say);
  const decoded = text
    .trimEnd()
    .split('\n')
    .map(
      (line) => JSON.parse(line) as { key: Record<string, unknown>; value: Record<string, unknown> | null },
    );
  expect(decoded.map(({ value }) => value?.['op'] ?? null)).toEqual(['r', 'r', 'u', 'd', null]);
  // JSON.parse would round the key: its digits are compared in the text.
  expect(text).toContain('"id": 9007199254740993');
  const after = decoded[1]?.value?.['after'];
  expect(after).toMatchObject({
    name: 'Zoë "Z"',
    price: '12.50',
    uid: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    mood: 'happy',
    photo: '00ff',
    score: 0.1,
  });
  expect(decoded[3]).toMatchObject({ key: { id: 2 }, value: { after: null } });
}, 120_000);
