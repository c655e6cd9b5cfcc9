import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { makeTarget, upsert, type StoredRows } from '../../test/sink-contract-model.ts';
import { sinkContract, type SinkHarness } from '../../test/sink-contract.ts';
import { sink as redis } from './index.ts';
import { startRedisCluster } from './test-server.ts';
import { preparedSink, testHarness, testSink, testUrl } from './test-sink.ts';

const servers = await startRedisCluster(testUrl());
const [first, second] = servers;
if (first === undefined || second === undefined) throw new Error('a cluster has servers');
afterAll(async () => {
  for (const server of servers) await server.stop();
});

const options = { url: first.url, hashTags: true };
const mapping = { sets: ['all'], stream: { name: 'log' } };
const harnesses = servers.map(({ client }) => testHarness(client, options, mapping));
const [one] = harnesses;
if (one === undefined) throw new Error('a cluster has servers');

const harness: SinkHarness = {
  ...one,
  async read(target) {
    const found = await Promise.all(harnesses.map((each) => each.read(target)));
    return new Map(found.flatMap((rows) => [...rows]));
  },
  // The servers that do not have the table answer MOVED.
  impossibleRow: (target) => Promise.any(harnesses.map((each) => each.impossibleRow(target))),
  async remove(targets) {
    for (const each of harnesses) await each.remove(targets);
  },
};

sinkContract('redis cluster', harness);

test('tables lie on all servers of a cluster, and each table on one', async () => {
  const targets = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((label) =>
    makeTarget(label, ['id'], { id: { kind: 'int4' } }),
  );
  const sink = await preparedSink(harness, ...targets);
  await sink.write(targets.flatMap((target) => [1, 2, 3].map((id) => upsert(target, { id }, 1))));
  const counts: number[][] = [];
  for (const target of targets)
    counts.push(await Promise.all(harnesses.map(async (each) => (await each.read(target)).size)));
  for (const ofTable of counts) expect(ofTable.toSorted((left, right) => left - right)).toEqual([0, 0, 3]);
  expect(new Set(counts.map((ofTable) => ofTable.indexOf(3))).size).toBeGreaterThan(1);
});

test('a table that moves to another server is called retry, and the sink then finds it there', async () => {
  const target = makeTarget('moving', ['id'], { id: { kind: 'int4' } });
  const sink = await preparedSink(harness, target);
  await sink.write([1, 2].map((id) => upsert(target, { id }, 1)));
  const slot = await first.client.cluster('KEYSLOT', `{${target.name}}`);
  const owner = servers.find((_, index) => slot < Math.floor((16_384 * (index + 1)) / 3)) ?? first;
  const other = owner === first ? second : first;
  const [from, to] = [await idOf(owner.client), await idOf(other.client)];

  await other.client.cluster('SETSLOT', slot, 'IMPORTING', from);
  await owner.client.cluster('SETSLOT', slot, 'MIGRATING', to);
  const [key = ''] = await owner.client.cluster('GETKEYSINSLOT', slot, 1);
  const move = async (keys: readonly string[]): Promise<unknown> =>
    owner.client.call('MIGRATE', '127.0.0.1', String(other.port), '', '0', '5000', 'KEYS', ...keys);
  await move([key]);
  const row = upsert(target, { id: 3 }, 2);
  const error: unknown = await sink.write([row]).catch((thrown: unknown) => thrown);
  expect(redis.classify(error)).toMatchObject({ outcome: 'retry', code: 'SINK_UNREACHABLE' });

  await move(await owner.client.cluster('GETKEYSINSLOT', slot, 1000));
  for (const { client } of servers) await client.cluster('SETSLOT', slot, 'NODE', to);
  let outcomes: unknown = null;
  while (outcomes === null)
    outcomes = await sink.write([row]).catch(async (thrown: unknown) => {
      expect(redis.classify(thrown).outcome).toBe('retry');
      await delay(50);
      return null;
    });
  expect(outcomes).toEqual([{ result: 'applied' }]);
  const rows: StoredRows = await harness.read(target);
  expect([...rows.keys()].toSorted()).toEqual(['1', '2', '3']);
});

test('a cluster without hash tags is refused when it connects', async () => {
  const sink = testSink({ url: first.url });
  onTestFinished(() => sink.close());
  await expect(sink.connect()).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});

async function idOf(client: Redis): Promise<string> {
  return String(await client.call('CLUSTER', 'MYID'));
}
