import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { makeTarget, positionAt, remove, upsert } from '../../test/sink-contract-model.ts';
import type { Sink } from '../sink.ts';
import { sink as redis } from './index.ts';
import { CALLED_COMMANDS, SCRIPT_COMMANDS } from './rights.ts';
import { startRedis, type OwnServer } from './test-server.ts';
import { keysOf, rowsOf, testSink, testUrl } from './test-sink.ts';

let server: OwnServer;
beforeAll(async () => {
  server = await startRedis(testUrl());
});
afterAll(() => server.stop());

const target = makeTarget('rights', ['id'], {
  id: { kind: 'int4' },
  name: { kind: 'text' },
  n: { kind: 'int4' },
  until: { kind: 'date' },
});

/** Of all that the sink uses, as the README has it. */
const OWN_PATTERNS = [
  `~${target.name}:*`,
  `~__tombstone:${target.name}:*`,
  `~__truncated:${target.name}`,
  `~__layout:${target.name}`,
  '&told',
];

/** A sink of a user who may run what the errors ask for, but for `without`, on the keys and channels of `patterns`. */
async function sinkOf(
  mapping: Record<string, unknown>,
  without: readonly string[] = [],
  patterns: readonly string[] = OWN_PATTERNS,
): Promise<Sink> {
  const commands = [...CALLED_COMMANDS, ...SCRIPT_COMMANDS, 'PUBLISH', 'XADD']
    .filter((command) => !without.includes(command))
    .map((command) => `+${command.replace(' ', '|')}`);
  const rights = ['reset', 'on', '>secret', '-@all', ...patterns, ...commands];
  await server.client.call('ACL', 'SETUSER', 'writer', ...rights);
  const sink = testSink({ url: server.url, username: 'writer', password: 'secret' }, mapping);
  onTestFinished(async () => {
    await sink.close();
    await server.client.flushall();
  });
  await sink.connect();
  return sink;
}

describe.each([
  [{ sets: ['by:{name}'], sorted: { top: 'n' }, notify: 'told', stream: { name: 'log' } }],
  [{ as: 'json', sets: ['by:{name}'], notify: 'told', stream: { name: 'log' } }],
  [{ ttl: '1h' }],
  [{ ttl: { column: 'until' } }],
])('with the options %j', (mapping) => {
  test('a user with the rights that the errors ask for can do everything', async () => {
    const sink = await sinkOf(mapping);
    await sink.prepare([target]);
    for (const [step, row] of [
      { id: 1, name: 'a', n: 1, until: '9999-01-01' },
      { id: 1, name: 'b', n: null, until: null },
      { id: 1, name: null, n: 2, until: '2001-01-01' },
    ].entries())
      for (let twice = 0; twice < 2; twice++) await sink.write([upsert(target, row, step + 1)]);
    await sink.write([upsert(target, { id: 2, name: 'a' }, 1), upsert(target, { id: 3, name: 'a' }, 1)]);
    await sink.write([remove(target, { id: 2 }, 2)]);
    await sink.truncate(target, positionAt(5));
    expect(await rowsOf(server.client, target, `${target.name}:`)).toEqual(new Map());
  });
});

const mapping = { sets: ['by:{name}'], notify: 'told', stream: { name: 'log' } };

test.each([...SCRIPT_COMMANDS, 'PUBLISH', 'XADD'])(
  'a user who may not run %s is told so before anything is written',
  async (command) => {
    const sink = await sinkOf(mapping, [command]);
    const error: unknown = await sink.prepare([target]).catch((thrown: unknown) => thrown);
    expect(redis.classify(error)).toMatchObject({ outcome: 'stop', code: 'SINK_AUTH_FAILED' });
    expect(redis.classify(error).sentence).toContain(command);
    expect(await keysOf(server.client, '*')).toEqual([]);
  },
);

test.each([
  [['~other:*', '~__*', '&told'], `ZREM, XADD, on the keys ${target.name}:*`],
  [['~*', '&other'], 'PUBLISH, on the channel told'],
])('a user of %j is told where the rights are missing', async (patterns, words) => {
  const sink = await sinkOf(mapping, [], patterns);
  await expect(sink.prepare([target])).rejects.toThrow(words);
});
