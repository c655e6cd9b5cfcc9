import type { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { createLogger, type Logger } from '../../core/logger.ts';
import { keyText } from '../../schemas/key-text.ts';
import type { SinkHarness } from '../../test/sink-contract.ts';
import type { StoredRow } from '../../test/sink-contract-model.ts';
import { tableOptionsOf } from '../../test/table-options.ts';
import type { Sink, Target } from '../sink.ts';
import { sink as redis } from './index.ts';

/** The server that the tests share. */
export function testUrl(): string {
  const url = process.env['REDIS_URL'];
  if (url === undefined) throw new Error('REDIS_URL is missing: give the address of a Redis server');
  return url;
}

/** A sink that is not connected yet; `mapping` holds Redis's own keys for every table. */
export function testSink(
  options: object = {},
  mapping: Readonly<Record<string, unknown>> = {},
  log: Logger = createLogger({ sink: 'test' }),
): Sink {
  return redis.create(redis.options.parse({ url: testUrl(), ...options }), {
    name: 'test',
    log,
    tableOptions: tableOptionsOf(redis, 'test', { 'public.*': mapping }),
  });
}

/** Every key that matches, once. */
export async function keysOf(reader: Redis, pattern: string): Promise<string[]> {
  const keys = new Set<string>();
  for await (const found of reader.scanStream({ match: pattern, count: 1000 }))
    for (const key of found as string[]) keys.add(key);
  return [...keys].toSorted();
}

/** All keys that a table has in Redis, but for the one that every table has. */
export async function keysOfTable(reader: Redis, { name }: Target): Promise<string[]> {
  return (await keysOf(reader, `*${name}*`)).filter((key) => !key.startsWith('__layout:'));
}

/** The rows of a target as a person finds them: hashes or strings `<name>:<key>`. */
export async function rowsOf(reader: Redis, target: Target, prefix: string): Promise<Map<string, StoredRow>> {
  const keys = await keysOf(reader, `${prefix}*`);
  const types = await answers<string>(
    reader,
    keys.map((key) => ['type', key]),
  );
  const own = keys.flatMap((key, index) => {
    const type = types[index];
    return type === 'hash' || type === 'string' ? [[type === 'hash' ? 'hgetall' : 'get', key]] : [];
  });
  const stored = await answers<Record<string, string> | string>(reader, own);
  const rows = new Map<string, StoredRow>();
  for (const [index, content] of stored.entries()) {
    const fields = typeof content === 'string' ? textsOfJson(target, content) : content;
    const { __pos: _, __in: _in, ...row } = fields;
    const text = keyText(target.table.key, row);
    if (own[index]?.[1] !== prefix + text) throw new Error(`the row of ${text} lies under another key`);
    rows.set(text, row);
  }
  return rows;
}

async function answers<Answer>(reader: Redis, commands: string[][]): Promise<Answer[]> {
  const replies = (await reader.pipeline(commands).exec()) ?? [];
  for (const [error] of replies) if (error !== null) throw error;
  return replies.map(([, answer]) => answer as Answer);
}

export function testHarness(
  reader: Redis,
  options: object = {},
  mapping: Readonly<Record<string, unknown>> = {},
): SinkHarness {
  const prefixOf = ({ name }: Target): string => ('hashTags' in options ? `{${name}}:` : `${name}:`);
  return {
    tellsStale: true,
    classify: (error) => redis.classify(error),
    async open() {
      const sink = testSink(options, mapping);
      await sink.connect();
      return { sink, close: () => sink.close() };
    },
    read: (target) => rowsOf(reader, target, prefixOf(target)),
    async impossibleRow(target) {
      const row = { id: 'secret', day: '2024-02-29' };
      // A list of another program, in the row's place.
      const key = prefixOf(target) + keyText(target.table.key, row);
      if ((await reader.llen(key)) === 0) await reader.rpush(key, 'of another program');
      return row;
    },
    async remove(targets) {
      // One by one: in a cluster they lie in several slots.
      for (const { name } of targets)
        await reader.pipeline((await keysOf(reader, `*${name}*`)).map((key) => ['del', key])).exec();
    },
  };
}

/** A sink of its own for one test, whose targets are removed when the test ends. */
export async function preparedSink(harness: SinkHarness, ...targets: readonly Target[]): Promise<Sink> {
  const opened = await harness.open();
  onTestFinished(async () => {
    await harness.remove(targets);
    await opened.close();
  });
  await opened.sink.prepare(targets);
  return opened.sink;
}

/** A JSON row as the texts that the sink contract compares: a number by its digits, nested JSON as a text. */
function textsOfJson(target: Target, text: string): Record<string, string> {
  // Node 24 knows the source text of a number and rawJSON; the declared types do not yet.
  const exact = JSON as unknown as { rawJSON(text: string): object };
  const keep = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === 'number' && context?.source !== undefined ? exact.rawJSON(context.source) : value;
  const fields = JSON.parse(text, keep) as Record<string, unknown>;
  const isNested = new Map(
    target.table.columns.map(({ name, kind }) => [name, kind === 'json' || kind === 'jsonb']),
  );
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'string' && isNested.get(name) !== true ? value : JSON.stringify(value),
    ]),
  );
}
