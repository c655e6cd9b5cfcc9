import type { Producer, ProducerBatch } from 'kafkajs';
import { expect, test } from 'vitest';
import { KafkaWriter } from './kafka-writer.ts';

/** A stand-in for kafkajs' producer whose requests end when the test says so; the real one is in the pipeline tests. */
function fakeProducer() {
  const requests: { batch: ProducerBatch; done: PromiseWithResolvers<void> }[] = [];
  const producer = {
    sendBatch: (batch: ProducerBatch) => {
      const done = Promise.withResolvers<void>();
      requests.push({ batch, done });
      return done.promise;
    },
  } as unknown as Producer;
  return { producer, requests };
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

test('a checkpoint is reached only when everything before it is acknowledged', async () => {
  const reached: bigint[] = [];
  const { producer, requests } = fakeProducer();
  const writer = new KafkaWriter(producer, 'none', (lsn) => reached.push(lsn));
  await writer.add('t', { value: 'a' });
  writer.checkpoint(10n);
  writer.kick();
  await writer.add('t', { value: 'b' });
  writer.checkpoint(20n);
  await settled();
  expect(reached).toStrictEqual([]);
  requests[0]?.done.resolve();
  await settled();
  expect(reached).toStrictEqual([10n]);
  expect(requests[1]?.batch.topicMessages?.[0]?.messages).toHaveLength(1);
  requests[1]?.done.resolve();
  await settled();
  expect(reached).toStrictEqual([10n, 20n]);
});

test('with nothing on its way a checkpoint is reached at once; behind a request it waits', async () => {
  const reached: bigint[] = [];
  const { producer, requests } = fakeProducer();
  const writer = new KafkaWriter(producer, 'none', (lsn) => reached.push(lsn));
  writer.checkpoint(1n);
  expect(reached).toStrictEqual([1n]);
  await writer.add('t', { value: 'a' });
  writer.kick();
  writer.checkpoint(2n);
  expect(reached).toStrictEqual([1n]);
  requests[0]?.done.resolve();
  await settled();
  expect(reached).toStrictEqual([1n, 2n]);
});

test('one request at a time, and a full buffer makes add wait', async () => {
  const { producer, requests } = fakeProducer();
  const writer = new KafkaWriter(producer, 'none', () => undefined);
  for (let count = 0; count < 2_000; count++) await writer.add('t', { value: 'x' });
  let added = false;
  const waiting = writer.add('t', { value: 'y' }).then(() => (added = true));
  await settled();
  expect(requests).toHaveLength(1);
  expect(added).toBe(false);
  requests[0]?.done.resolve();
  await waiting;
  expect(requests).toHaveLength(2);
  expect(requests.every(({ batch }) => batch.topicMessages?.[0]?.messages.length === 1_000)).toBe(true);
});

test('a failed request fails every call after it, and no checkpoint passes it', async () => {
  const reached: bigint[] = [];
  const { producer, requests } = fakeProducer();
  const writer = new KafkaWriter(producer, 'none', (lsn) => reached.push(lsn));
  await writer.add('t', { value: 'a' });
  writer.checkpoint(10n);
  writer.kick();
  requests[0]?.done.reject(new Error('broker away'));
  await settled();
  expect(() => writer.checkpoint(20n)).toThrow('broker away');
  await expect(writer.add('t', { value: 'b' })).rejects.toThrow('broker away');
  await expect(writer.flush()).rejects.toThrow('broker away');
  expect(reached).toStrictEqual([]);
});

test('a batch is bounded by bytes', async () => {
  const { producer, requests } = fakeProducer();
  const writer = new KafkaWriter(producer, 'none', () => undefined);
  const value = 'x'.repeat(300 * 1024);
  await writer.add('t', { value });
  await writer.add('t', { value });
  const third = writer.add('t', { value });
  await settled();
  expect(requests[0]?.batch.topicMessages?.[0]?.messages).toHaveLength(2);
  requests[0]?.done.resolve();
  await third;
});
