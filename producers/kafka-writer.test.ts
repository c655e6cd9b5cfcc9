import { expect, test } from 'vitest';
import { makePosition } from '../schemas/position.ts';
import type { WrittenTopic } from './kafka-writer.ts';
import { partitionOfKey } from './kafka/murmur2.ts';
import {
  at,
  event,
  LABEL,
  openWriter,
  recordsOf,
  settled,
  topicOf,
  type Request,
  noteOf,
} from './test-writer.ts';

test('a checkpoint is reached only when everything before it is acknowledged, and in order', async () => {
  const { writer, requests, checkpoints, counts } = openWriter();
  const topic = topicOf(null);
  writer.checkpoint(1n);
  expect(checkpoints).toStrictEqual([1n]);
  await writer.add(topic, event('a'), at(1), LABEL);
  writer.checkpoint(10n);
  writer.kick();
  await writer.add(topic, event('b'), at(2), LABEL);
  await writer.add(topic, event('c'), at(3), LABEL);
  writer.checkpoint(20n);
  await settled();
  expect(checkpoints).toStrictEqual([1n]);
  requests[0]?.done.resolve();
  await settled();
  expect(checkpoints).toStrictEqual([1n, 10n]);
  writer.checkpoint(30n);
  expect(await recordsOf(requests[1])).toStrictEqual(['t/0 b=v', 't/0 c=v']);
  requests[1]?.done.resolve();
  await settled();
  expect(checkpoints).toStrictEqual([1n, 10n, 20n, 30n]);
  expect(counts).toStrictEqual([1, 2]);
  expect(writer.idle).toBe(true);
});

test('with nothing added a checkpoint behind a request waits for it', async () => {
  const { writer, requests, checkpoints } = openWriter();
  await writer.add(topicOf(null), event('a'), at(1), LABEL);
  writer.kick();
  writer.checkpoint(2n);
  expect(checkpoints).toStrictEqual([]);
  requests[0]?.done.resolve();
  await settled();
  expect(checkpoints).toStrictEqual([2n]);
});

test('one request at a time, however often it is kicked', async () => {
  const { writer, requests } = openWriter();
  const topic = topicOf(null);
  for (let ordinal = 1; ordinal <= 5; ordinal += 1) {
    await writer.add(topic, event(`${ordinal}`), at(ordinal), LABEL);
    writer.kick();
  }
  await settled();
  expect(requests).toHaveLength(1);
  requests[0]?.done.resolve();
  await settled();
  expect(await recordsOf(requests[1])).toHaveLength(4);
});

/** Adds rows of this value until a request leaves: that one is full. */
async function fullRequest(topic: WrittenTopic, value: string): Promise<Request | undefined> {
  const { writer, requests } = openWriter();
  for (let ordinal = 1; requests.length === 0; ordinal += 1)
    await writer.add(topic, event(`${ordinal}`, value), at(ordinal), LABEL);
  return requests[0];
}

test('a batch holds 10,000 events at most, and add waits while the next one is full', async () => {
  const { writer, requests } = openWriter();
  const topic = topicOf(null);
  for (let ordinal = 1; ordinal <= 20_000; ordinal += 1)
    await writer.add(topic, event('k', ''), at(ordinal), LABEL);
  let isAdded = false;
  const waiting = Promise.resolve(writer.add(topic, event('k', ''), at(20_001), LABEL)).then(
    () => (isAdded = true),
  );
  await settled();
  expect(requests).toHaveLength(1);
  expect(isAdded).toBe(false);
  requests[0]?.done.resolve();
  await waiting;
  expect(requests).toHaveLength(2);
  expect(requests.map(({ batches }) => batches[0]?.batch.count)).toStrictEqual([10_000, 10_000]);
});

test('a partition is given less than 1 MiB, the smallest max.message.bytes that is usual', async () => {
  const request = await fullRequest(topicOf(null), 'x'.repeat(100_000));
  const [first] = request?.batches ?? [];
  expect(first?.batch.count).toBeGreaterThan(1);
  expect(first?.batch.byteLength).toBeLessThanOrEqual(1000 * 1024);
});

test('a request is given no more when it holds 1 MiB', async () => {
  const partitions = Array.from({ length: 64 }, () => null);
  const request = await fullRequest(topicOf(...partitions), 'x'.repeat(100_000));
  const bytes = request?.batches.reduce((sum, { batch }) => sum + batch.byteLength, 0) ?? 0;
  expect(bytes).toBeGreaterThan(0.9 * 2 ** 20);
  expect(bytes).toBeLessThan(1.1 * 2 ** 20);
});

test('a row that is larger than a batch goes alone, in its turn', async () => {
  const { writer, requests } = openWriter();
  const topic = topicOf(null);
  const huge = 'x'.repeat(3 * 2 ** 20);
  await writer.add(topic, event('before'), at(1), LABEL);
  const first = writer.add(topic, event('huge', huge), at(2), LABEL);
  requests[0]?.done.resolve();
  await first;
  const second = writer.add(topic, event('behind'), at(3), LABEL);
  await settled();
  requests[1]?.done.resolve();
  await second;
  writer.kick();
  expect(requests.map(({ batches }) => batches.map(({ batch }) => batch.count))).toStrictEqual([
    [1],
    [1],
    [1],
  ]);
  expect(await recordsOf(requests[1])).toStrictEqual([`t/0 huge=${huge}`]);
});

test('a delete and its tombstone leave in one batch and count as one event', async () => {
  const { writer, requests, counts } = openWriter();
  const topic = topicOf(null);
  for (let ordinal = 1; ordinal <= 9_999; ordinal += 1)
    await writer.add(topic, event('k', ''), at(ordinal), LABEL);
  await writer.add(topic, event('d'), at(10_000), LABEL, true);
  writer.kick();
  const records = await recordsOf(requests[0]);
  expect(records.slice(-2)).toStrictEqual(['t/0 d=v', 't/0 d=undefined']);
  requests[0]?.done.resolve();
  await settled();
  expect(counts).toStrictEqual([10_000]);
});

test('what is not newer than the last record of its partition is skipped, and nothing else', async () => {
  const { writer, requests, checkpoints } = openWriter();
  const partitions = 3;
  const keys = Array.from({ length: 60 }, (_, index) => `key ${index}`);
  const last = [makePosition(1n, 20), null, makePosition(1n, 40)];
  const topic = topicOf(...last);
  for (const [index, key] of keys.entries())
    await writer.add(topic, event(key), at(index + 1), LABEL, index % 2 === 0);
  writer.checkpoint(7n);
  writer.kick();
  const expected = keys.flatMap((key, index) => {
    const bytes = Buffer.from(key);
    const partition = partitionOfKey(bytes, 0, bytes.length, partitions);
    const isNew = index + 1 > ([20, 0, 40][partition] ?? 0);
    const record = `t/${partition} ${key}`;
    return !isNew ? [] : index % 2 === 0 ? [`${record}=v`, `${record}=undefined`] : [`${record}=v`];
  });
  expect(expected.length).toBeGreaterThan(20);
  expect((await recordsOf(requests[0])).toSorted()).toStrictEqual(expected.toSorted());
  requests[0]?.done.resolve();
  await settled();
  expect(checkpoints).toStrictEqual([7n]);
});

test('when all of it is there already, a checkpoint is reached without a request', async () => {
  const { writer, requests, checkpoints } = openWriter();
  const topic = topicOf(makePosition(1n, 5));
  for (let ordinal = 1; ordinal <= 5; ordinal += 1) await writer.add(topic, event('a'), at(ordinal), LABEL);
  writer.checkpoint(9n);
  writer.kick();
  expect(checkpoints).toStrictEqual([9n]);
  expect(requests).toHaveLength(0);
});

test('a truncate reaches every partition that does not have it, behind what was added before', async () => {
  const { writer, requests, counts } = openWriter();
  const topic = topicOf(null, makePosition(1n, 9), makePosition(1n, 2));
  await writer.add(topic, event('row'), at(3), LABEL);
  await writer.addToAll(topic, event('truncate'), at(9), LABEL);
  writer.kick();
  const records = await recordsOf(requests[0]);
  const truncates = records.filter((record) => record.includes('truncate'));
  expect(truncates).toStrictEqual(['t/0 truncate=v', 't/2 truncate=v']);
  for (const partition of [0, 2]) {
    const own = records.filter((record) => record.startsWith(`t/${partition} `));
    expect(own.at(-1)).toContain('truncate');
  }
  requests[0]?.done.resolve();
  await settled();
  expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
});

test('who waits for a request that fails is told', async () => {
  const { writer, requests } = openWriter();
  const failures: string[] = [];
  for (const [index, key] of ['a', 'b'].entries()) {
    await writer.add(topicOf(null), event(key), at(index + 1), LABEL);
    writer.whenSent(
      () => failures.push('none'),
      ({ message }) => failures.push(`${key} ${message}`),
    );
    writer.kick();
  }
  requests[0]?.done.reject(new Error('broker away'));
  await settled();
  expect(failures).toStrictEqual(['a broker away', 'b broker away']);
});

test('whenSent runs once everything added before it is acknowledged, and at once where nothing waits', async () => {
  const { writer, requests } = openWriter();
  const topic = topicOf(null);
  const sent: string[] = [];
  writer.whenSent(() => sent.push('nothing'));
  expect(sent).toStrictEqual(['nothing']);
  await writer.add(topic, event('a'), at(1), LABEL);
  writer.whenSent(() => sent.push('a'));
  writer.kick();
  writer.whenSent(() => sent.push('behind a'));
  await settled();
  expect(sent).toStrictEqual(['nothing']);
  requests[0]?.done.resolve();
  await settled();
  expect(sent).toStrictEqual(['nothing', 'a', 'behind a']);
  await writer.add(topic, event('b'), at(2), LABEL);
  writer.kick();
  await writer.add(topic, event('c'), at(3), LABEL);
  writer.whenSent(() => sent.push('c'));
  requests[1]?.done.resolve();
  await settled();
  expect(sent).not.toContain('c');
  requests[2]?.done.resolve();
  await settled();
  expect(sent.at(-1)).toBe('c');
});

test('flush resolves when all that was added is acknowledged', async () => {
  const { writer, requests } = openWriter();
  const topic = topicOf(null);
  await writer.add(topic, event('a'), at(1), LABEL);
  writer.kick();
  await writer.add(topic, event('b'), at(2), LABEL);
  let isFlushed = false;
  const flushed = writer.flush().then(() => (isFlushed = true));
  requests[0]?.done.resolve();
  await settled();
  expect(isFlushed).toBe(false);
  requests[1]?.done.resolve();
  await flushed;
  expect(writer.idle).toBe(true);
});

test('a failed request fails every call after it, and no checkpoint passes it', async () => {
  const { writer, requests, checkpoints } = openWriter();
  const topic = topicOf(null);
  await writer.add(topic, event('a'), at(1), LABEL);
  writer.checkpoint(10n);
  writer.kick();
  for (let ordinal = 2; ordinal <= 10_001; ordinal += 1)
    await writer.add(topic, event('k', ''), at(ordinal), LABEL);
  const waiting = Promise.resolve(writer.add(topic, event('b'), at(10_002), LABEL));
  requests[0]?.done.reject(new Error('broker away'));
  await expect(waiting).rejects.toThrow('broker away');
  expect(() => writer.add(topic, event('b'), at(10_003), LABEL)).toThrow('broker away');
  expect(() => writer.addToAll(topic, event('b'), at(10_003), LABEL)).toThrow('broker away');
  expect(() => writer.note(noteOf('k', 'v'))).toThrow('broker away');
  expect(() => writer.checkpoint(20n)).toThrow('broker away');
  expect(() => writer.whenSent(() => undefined)).toThrow('broker away');
  expect(() => writer.kick()).toThrow('broker away');
  await expect(writer.flush()).rejects.toThrow('broker away');
  expect(requests).toHaveLength(1);
  expect(checkpoints).toStrictEqual([]);
});
