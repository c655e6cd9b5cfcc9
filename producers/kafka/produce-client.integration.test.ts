import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { countRecords, readRecords } from '../../test/pipeline/kafka.ts';
import { until } from '../../test/pipeline/until.ts';
import type { Lease } from '../lease.ts';
import { ProduceClient } from './produce-client.ts';
import { encodeHeaders, RecordBatch } from './record-batch.ts';
import { openTestCluster, type TestCluster } from './test-cluster.ts';

const LEASE: Lease = { check: () => undefined, end: () => undefined };

interface Options {
  readonly id?: string;
  readonly requestTimeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly lease?: Lease;
  readonly compression?: 'none' | 'gzip' | 'zstd';
}

async function openClient(server: TestCluster, options: Options = {}): Promise<ProduceClient> {
  const { id = randomUUID(), requestTimeoutMs, lease = LEASE, compression = 'zstd' } = options;
  const signal = options.signal ?? new AbortController().signal;
  return ProduceClient.open(await server.cluster(requestTimeoutMs), id, compression, signal, lease);
}

function batchOf(topic: string, partition: number, ...values: (string | null)[]) {
  const batch = new RecordBatch();
  const key = Buffer.from('key');
  for (const value of values) batch.append(Date.now(), key, key.length, value, encodeHeaders([['a', 'b']]));
  return { topic, partition, batch };
}

async function valuesOf({ kafka, admin }: TestCluster, topic: string): Promise<(string | undefined)[]> {
  return (await readRecords(kafka, admin, topic)).map(({ value }) => value?.toString());
}

test.each(['none', 'gzip', 'zstd'] as const)(
  'another client reads what was sent with %s',
  async (compression) => {
    await using server = await openTestCluster();
    const topic = await server.topic(2);
    const client = await openClient(server, { compression });
    await client.send([batchOf(topic, 0, 'a', null), batchOf(topic, 1, 'ü'.repeat(50_000))]);
    await client.send([batchOf(topic, 0, 'b')]);
    const records = await readRecords(server.kafka, server.admin, topic);
    const own = records.filter(({ partition }) => partition === 0);
    expect(own.map(({ value }) => value?.toString())).toEqual(['a', undefined, 'b']);
    expect(records).toHaveLength(4);
    expect(records.find(({ partition }) => partition === 1)?.value?.toString()).toBe('ü'.repeat(50_000));
    expect(records[0]).toMatchObject({ headers: { a: 'b' }, key: Buffer.from('key') });
  },
);

test('a request whose answer is lost is sent again over a new connection and stored once', async () => {
  await using server = await openTestCluster();
  const topic = await server.topic(1);
  const client = await openClient(server);
  await client.send([batchOf(topic, 0, 'first')]);
  for (let round = 0; round < 3; round += 1) {
    const before = server.sockets.length;
    server.freeze();
    const sent = client.send([batchOf(topic, 0, `round ${round}`)]);
    await until('the broker has it', async () => (await countRecords(server.admin, topic)) === round + 2);
    server.cut();
    await sent;
    expect(server.sockets.length).toBeGreaterThan(before);
  }
  expect(await valuesOf(server, topic)).toEqual(['first', 'round 0', 'round 1', 'round 2']);
});

test('a broker that does not answer in time is asked again, and the request is stored once', async () => {
  await using server = await openTestCluster();
  const topic = await server.topic(1);
  const client = await openClient(server, { requestTimeoutMs: 1_000 });
  await client.send([batchOf(topic, 0, 'first')]);
  server.freeze();
  await client.send([batchOf(topic, 0, 'second')]);
  expect(await valuesOf(server, topic)).toEqual(['first', 'second']);
});

test('a producer that is told to stop does not wait for a broker that does not answer', async () => {
  await using server = await openTestCluster();
  const topic = await server.topic(1);
  const stop = new AbortController();
  const client = await openClient(server, { requestTimeoutMs: 600_000, signal: stop.signal });
  await client.send([batchOf(topic, 0, 'first')]);
  server.freeze();
  const sent = client.send([batchOf(topic, 0, 'second')]);
  const reason = new Error('SIGTERM');
  stop.abort(reason);
  await expect(sent).rejects.toBe(reason);
});

test('a topic that is not there yet is tried again until it is', async () => {
  await using server = await openTestCluster();
  const topic = await server.topic(1);
  const client = await openClient(server);
  await client.send([batchOf(topic, 0, 'a')]);
  // Right after this its leader does not know of it.
  const late = await server.topic(6);
  await client.send(Array.from({ length: 6 }, (_, partition) => batchOf(late, partition, 'b')));
  expect(await valuesOf(server, late)).toHaveLength(6);
});

test('a row larger than the topic allows is refused with the setting to raise', async () => {
  await using server = await openTestCluster();
  const topic = await server.topic(1, { 'max.message.bytes': '1000' });
  const client = await openClient(server, { compression: 'none' });
  await expect(client.send([batchOf(topic, 0, 'x'.repeat(2_000))])).rejects.toMatchObject({
    code: 'KAFKA_REJECTED',
    message: expect.stringContaining(topic) as string,
    fix: expect.stringContaining('max.message.bytes') as string,
  });
});

test('a producer that was replaced is refused where the other has written, with PRODUCER_FENCED', async () => {
  await using server = await openTestCluster();
  const topic = await server.topic(1);
  const id = randomUUID();
  const old = await openClient(server, { id });
  await old.send([batchOf(topic, 0, 'old')]);
  const heir = await openClient(server, { id });
  await heir.send([batchOf(topic, 0, 'heir')]);
  await expect(old.send([batchOf(topic, 0, 'behind')])).rejects.toMatchObject({ code: 'PRODUCER_FENCED' });
  await heir.send([batchOf(topic, 0, 'on')]);
  expect(await valuesOf(server, topic)).toEqual(['old', 'heir', 'on']);
});

test('without the lease nothing is sent', async () => {
  await using server = await openTestCluster();
  const topic = await server.topic(1);
  const lost = new Error('slept');
  const check = () => {
    throw lost;
  };
  const client = await openClient(server, { lease: { ...LEASE, check }, requestTimeoutMs: 1_000 });
  await expect(client.send([batchOf(topic, 0, 'a')])).rejects.toThrow();
  expect(await countRecords(server.admin, topic)).toBe(0);
});
