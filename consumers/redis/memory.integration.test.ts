import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  expectedRows,
  makeTarget,
  normalizedRows,
  positionAt,
  remove,
  upsert,
} from '../../test/sink-contract-model.ts';
import type { Write } from '../sink.ts';
import { sink as redis } from './index.ts';
import { startRedis, type OwnServer } from './test-server.ts';
import { rowsOf, testSink, testUrl } from './test-sink.ts';

let server: OwnServer;
beforeAll(async () => {
  server = await startRedis(testUrl(), { appendonly: 'yes' });
});
afterAll(() => server.stop());

async function connected(
  mapping: Record<string, unknown> = {},
): Promise<{ sink: ReturnType<typeof testSink>; warnings: string[] }> {
  const warnings: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(line) });
  const sink = testSink({ url: server.url }, mapping, log);
  onTestFinished(() => sink.close());
  await sink.connect();
  return { sink, warnings };
}

const rows = (target: ReturnType<typeof makeTarget>, count: number, step: number): Write[] =>
  Array.from({ length: count }, (_, id) =>
    upsert(target, { id, note: randomBytes(1500).toString('base64') }, step),
  );

describe.each([{}, { as: 'json', sets: ['all'] }, { ttl: '1h', stream: { name: 'log' } }])(
  'at maxmemory, with the options %j',
  (mapping) => {
    test('upserts are throttled, deletes, truncates and restarts go on, and nothing is half done', async () => {
      const target = makeTarget('full', ['id'], { id: { kind: 'int4' }, note: { kind: 'text' } });
      onTestFinished(async () => {
        await server.client.config('SET', 'maxmemory', '0');
        await server.client.flushall();
      });
      const { sink } = await connected(mapping);
      await sink.prepare([target]);
      const kept = rows(target, 300, 1);
      await sink.write(kept);
      const used = Number(/used_memory:(\d+)/.exec(await server.client.info('memory'))?.[1]);
      await server.client.config('SET', 'maxmemory', String(used + 500_000));

      const more = rows(target, 2_000, 2);
      const error: unknown = await sink.write(more).catch((thrown: unknown) => thrown);
      expect(redis.classify(error)).toMatchObject({ outcome: 'throttle', code: 'SINK_THROTTLED' });
      // What was applied before the limit is whole; how much that is is the server's affair.
      const written = await rowsOf(server.client, target, `${target.name}:`);
      const expected = expectedRows(target, more);
      for (const [id, row] of written)
        expect([expected.get(id), expectedRows(target, kept).get(id)]).toContainEqual(row);

      const gone = kept.slice(0, 200).map(({ key }) => remove(target, key, 3));
      expect(new Set((await sink.write(gone)).map(({ result }) => result))).toEqual(new Set(['applied']));

      await server.client.config('SET', 'maxmemory', '0');
      await sink.write(more);
      expect(normalizedRows(target, await rowsOf(server.client, target, `${target.name}:`))).toEqual(
        expectedRows(target, [...kept, ...more, ...gone]),
      );

      // Far less than the server needs for itself.
      await server.client.config('SET', 'maxmemory', '100000');
      const { sink: restarted } = await connected(mapping);
      await restarted.prepare([target]);
      await expect(restarted.write(rows(target, 1, 4))).rejects.toThrow('OOM');
      await restarted.truncate(target, positionAt(4));
      expect(await rowsOf(server.client, target, `${target.name}:`)).toEqual(new Map());
      expect(await server.client.hgetall(`__truncated:${target.name}`)).toEqual({
        __pos: positionAt(4),
        done: positionAt(4),
      });
    });
  },
);

test('a policy that evicts is warned of at connect, as is a server without appendonly', async () => {
  expect((await connected()).warnings).toEqual([]);
  await server.client.config('SET', 'maxmemory-policy', 'allkeys-lru');
  await server.client.config('SET', 'appendonly', 'no');
  onTestFinished(async () => {
    await server.client.config('SET', 'maxmemory-policy', 'noeviction');
    await server.client.config('SET', 'appendonly', 'yes');
  });
  const { warnings } = await connected();
  expect(warnings.join('')).toMatch(/without appendonly.*may evict rows/s);
});

test('a user who may not ask for INFO can write all the same', async () => {
  const target = makeTarget('acl', ['id'], { id: { kind: 'int4' } });
  await server.client.call('ACL', 'SETUSER', 'writer', 'on', '>secret', '~*', '&*', '+@all', '-info');
  const url = server.url.replace('redis://', 'redis://writer:secret@');
  const sink = testSink({ url });
  onTestFinished(() => sink.close());
  await sink.connect();
  await sink.prepare([target]);
  expect(await sink.write([upsert(target, { id: 1 }, 1)])).toEqual([{ result: 'applied' }]);
  await server.client.call('ACL', 'SETUSER', 'writer', '-hset');
  const error: unknown = await sink.write([upsert(target, { id: 2 }, 1)]).catch((thrown: unknown) => thrown);
  expect(redis.classify(error)).toMatchObject({ outcome: 'stop', code: 'SINK_AUTH_FAILED' });
});
