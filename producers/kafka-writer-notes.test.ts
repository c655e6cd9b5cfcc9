import { expect, test } from 'vitest';
import { makePosition } from '../schemas/position.ts';
import type { Note } from './kafka-writer.ts';
import { LABEL, at, event, noteOf, openWriter, recordsOf, settled, topicOf } from './test-writer.ts';

test('a note leaves with the events before it; a later one of its key replaces it, but not one that has left', async () => {
  const { writer, requests } = openWriter();
  const topic = topicOf(null);
  await writer.add(topic, event('a'), at(1), LABEL);
  writer.note(noteOf('progress', 'old'));
  writer.note(noteOf('other', 'x'));
  writer.note(noteOf('progress', 'new'));
  writer.kick();
  await writer.add(topic, event('b'), at(2), LABEL);
  writer.note(noteOf('progress', 'newer'));
  expect((await recordsOf(requests[0])).toSorted()).toStrictEqual([
    'state/0 other=x',
    'state/0 progress=new',
    't/0 a=v',
  ]);
  requests[0]?.done.resolve();
  await settled();
  expect(await recordsOf(requests[1])).toStrictEqual(['t/0 b=v', 'state/0 progress=newer']);
});

test('a note is told where its request ends in each partition, and when Kafka has it', async () => {
  const { writer, requests } = openWriter();
  const topic = topicOf(null);
  const told: unknown[] = [];
  const note = (key: string): Note => ({
    ...noteOf(key, ''),
    value: (endsOf) => JSON.stringify([endsOf('t'), endsOf('other')]),
    onSent: () => told.push(key),
  });
  await writer.add(topic, event('a'), at(1), LABEL);
  writer.note(note('progress'));
  await writer.add(topic, event('b'), at(2), LABEL);
  writer.note(note('progress'));
  writer.kick();
  expect((await recordsOf(requests[0])).at(-1)).toBe(
    `state/0 progress=${JSON.stringify([{ 0: makePosition(1n, 2) }, {}])}`,
  );
  expect(told).toStrictEqual([]);
  requests[0]?.done.resolve();
  await settled();
  expect(told).toStrictEqual(['progress']);
});

test('a note alone is sent too', async () => {
  const { writer, requests } = openWriter();
  writer.note(noteOf('k', 'v'));
  let isSent = false;
  writer.whenSent(() => (isSent = true));
  expect(writer.idle).toBe(false);
  writer.kick();
  expect(await recordsOf(requests[0])).toStrictEqual(['state/0 k=v']);
  requests[0]?.done.resolve();
  await settled();
  expect(isSent).toBe(true);
});
