import { Redis } from 'ioredis';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { makeTarget, positionAt, remove, upsert } from '../../test/sink-contract-model.ts';
import { sink as redis } from './index.ts';
import type { Sink, Target, Write } from '../sink.ts';
import { preparedSink, testHarness, testUrl } from './test-sink.ts';

const reader = new Redis(testUrl());
afterAll(() => reader.disconnect());

type Told = readonly [op: string, key: string, position: string];

describe.each(['hash', 'json'])('who listens to rows as %s', (as) => {
  async function prepared(
    label: string,
    own: Record<string, unknown> = {},
  ): Promise<{ sink: Sink; target: Target; told: () => Promise<Told[]>; heard: Told[] }> {
    const target = makeTarget(`${label}_${as}`, ['id'], { id: { kind: 'int4' }, name: { kind: 'text' } });
    const channel = `changes of ${target.name}`;
    const harness = testHarness(reader, {}, { as, notify: channel, stream: { name: 'log' }, ...own });
    const sink = await preparedSink(harness, target);
    const listener = new Redis(testUrl());
    const heard: Told[] = [];
    listener.on('message', (_channel: string, text: string) => {
      const said = JSON.parse(text) as Record<'op' | 'key' | '__pos', string>;
      heard.push([said.op, said.key, said.__pos]);
    });
    await listener.subscribe(channel);
    onTestFinished(() => listener.disconnect());
    const told = async (): Promise<Told[]> =>
      (await reader.xrange(`${target.name}:log`, '-', '+')).map(([, fields]) => {
        const [, op = '', , key = '', , position = ''] = fields;
        return [op, key, position];
      });
    return { sink, target, told, heard };
  }

  test('is told of each change that was applied, once, and of nothing else', async () => {
    const { sink, target, told, heard } = await prepared('told');
    const row = (id: number, step: number, name = `of ${step}`): Write => upsert(target, { id, name }, step);
    const [one, two] = [1, 2].map((id) => `${target.name}:${id}`) as [string, string];
    const expected: Told[] = [];
    const deliver = async (write: Write, ...changes: Told[]): Promise<void> => {
      await sink.write([write]);
      expected.push(...changes);
      expect(await told()).toEqual(expected);
    };
    await deliver(row(1, 2), ['upsert', one, positionAt(2)]);
    await deliver(row(1, 2));
    await deliver(row(1, 1));
    await deliver(remove(target, { id: 1 }, 1));
    await deliver(row(1, 3, 'x'), ['upsert', one, positionAt(3)]);
    // The same change, mapped by other transforms.
    await deliver(row(1, 3, 'y'), ['upsert', one, positionAt(3)]);
    await deliver(row(1, 3, 'y'));
    await deliver(remove(target, { id: 1 }, 4), ['delete', one, positionAt(4)]);
    await deliver(remove(target, { id: 1 }, 4));
    await deliver(remove(target, { id: 3 }, 4));
    await deliver(row(1, 3));
    await deliver(row(2, 5), ['upsert', two, positionAt(5)]);
    for (const step of [6, 6, 4]) await sink.truncate(target, positionAt(step));
    expected.push(['truncate', `${target.name}:*`, positionAt(6)]);
    expect(await told()).toEqual(expected);
    await expect.poll(() => heard).toEqual(expected);
  });

  test('finds at most the newest changes in the stream', async () => {
    const { sink, target } = await prepared('capped', { stream: { name: 'log', maxLength: 200 } });
    for (const step of [1, 2, 3])
      await sink.write(Array.from({ length: 1000 }, (_, id) => upsert(target, { id, name: 'x' }, step)));
    // Redis cuts whole blocks of a hundred entries.
    expect(await reader.xlen(`${target.name}:log`)).toBeLessThan(400);
    const newest = await reader.xrevrange(`${target.name}:log`, '+', '-', 'COUNT', '1');
    expect(newest[0]?.[1].slice(2, 4)).toEqual(['key', `${target.name}:999`]);
  });

  test('is not left out because another program uses the key of the stream: the sink stops', async () => {
    const { sink, target } = await prepared('foreign_stream');
    await reader.set(`${target.name}:log`, 'a string');
    const error: unknown = await sink
      .write([upsert(target, { id: 1 }, 1)])
      .catch((thrown: unknown) => thrown);
    expect(redis.classify(error)).toMatchObject({ outcome: 'stop', code: 'SINK_FAILED' });
    expect(await reader.exists(`${target.name}:1`)).toBe(0);
  });
});

test('a row whose time is over when it comes is told as a delete', async () => {
  const target = makeTarget('told_over', ['id'], { id: { kind: 'int4' }, until: { kind: 'date' } });
  const harness = testHarness(reader, {}, { ttl: { column: 'until' }, stream: { name: 'log' } });
  const sink = await preparedSink(harness, target);
  await sink.write([upsert(target, { id: 1, until: 'infinity' }, 1)]);
  await sink.write([upsert(target, { id: 1, until: '2001-01-01' }, 2)]);
  const entries = await reader.xrange(`${target.name}:log`, '-', '+');
  expect(entries.map(([, fields]) => fields[1])).toEqual(['upsert', 'delete']);
});
