import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { until } from '../../test/pipeline/until.ts';
import { makePosition } from '../../schemas/position.ts';
import { POSITION_HEADER } from '../../schemas/topics.ts';
import { ProduceClient, type PartitionBatch } from './produce-client.ts';
import { encodeHeaders, RecordBatch } from './record-batch.ts';
import { openTestCluster, type TestCluster } from './test-cluster.ts';
import { readWrittenTopics } from './written-topics.ts';

function records(topic: string, partition: number, ordinals: readonly number[], value: string | null = 'v') {
  const batch = new RecordBatch();
  const key = Buffer.from('key');
  for (const ordinal of ordinals) {
    const headers = encodeHeaders([[POSITION_HEADER, makePosition(9n, ordinal)]]);
    batch.append(Date.now(), key, key.length, value, headers);
  }
  return { topic, partition, batch };
}

async function write(server: TestCluster, ...requests: PartitionBatch[][]): Promise<void> {
  const { signal } = new AbortController();
  const lease = { check: () => undefined, end: () => undefined };
  const client = await ProduceClient.open(await server.cluster(), randomUUID(), 'none', signal, lease);
  for (const request of requests) await client.send(request);
}

async function lastOf(server: TestCluster, topic: string) {
  return (await readWrittenTopics(await server.cluster(), [topic])).get(topic)?.lastPositions;
}

test('the last position of each partition is told, null for an empty one', async () => {
  await using server = await openTestCluster();
  const topic = await server.topic(4);
  expect(await lastOf(server, topic)).toEqual([null, null, null, null]);
  await write(
    server,
    [records(topic, 0, [1, 2, 3]), records(topic, 2, [4])],
    [records(topic, 0, [5, 6]), records(topic, 3, [7], null)],
  );
  expect(await lastOf(server, topic)).toEqual([
    makePosition(9n, 6),
    null,
    makePosition(9n, 4),
    makePosition(9n, 7),
  ]);
});

test('batches far larger than one fetch are read all the same', async () => {
  await using server = await openTestCluster();
  const topic = await server.topic(12, { 'max.message.bytes': '8000000' });
  const all = Array.from({ length: 12 }, (_, partition) => [
    records(topic, partition, [partition + 1, partition + 100], 'x'.repeat(2_000_000)),
  ]);
  await write(server, ...all);
  expect(await lastOf(server, topic)).toEqual(all.map((_, partition) => makePosition(9n, partition + 100)));
});

test('a partition that retention has emptied has no last position', async () => {
  await using server = await openTestCluster();
  const topic = await server.topic(2, { 'cleanup.policy': 'delete' });
  await write(server, [records(topic, 0, [1, 2]), records(topic, 1, [3])]);
  await until('the records are removed', () =>
    server.admin
      .deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '2' }] })
      .then(() => true)
      .catch(() => false),
  );
  expect(await lastOf(server, topic)).toEqual([null, makePosition(9n, 3)]);
});

test('fifty topics just made are read as empty', async () => {
  await using server = await openTestCluster();
  const names = await Promise.all(Array.from({ length: 50 }, () => server.topic(3)));
  const found = await readWrittenTopics(await server.cluster(), names);
  expect([...found.values()].map(({ lastPositions }) => lastPositions)).toEqual(
    names.map(() => [null, null, null]),
  );
});

test('records of a foreign client have no position', async () => {
  await using server = await openTestCluster();
  const topic = await server.topic(1);
  const producer = server.kafka.producer();
  await producer.connect();
  await producer.send({ topic, messages: [{ key: 'k', value: 'v' }] });
  await producer.disconnect();
  expect(await lastOf(server, topic)).toEqual([null]);
});
