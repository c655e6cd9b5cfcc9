import { expect, test } from 'vitest';
import { afterRequest, afterRun, anew, arrived, isOver, SNAPSHOT_START } from './snapshot-progress.ts';

const done = { lastKey: ['9'], rows: 9, done: true };
const underWay = { lastKey: ['4'], rows: 4, done: false };

test('a request for a table that is done starts it anew', () => {
  expect(afterRequest(done, { id: 'a' })).toStrictEqual({
    ...SNAPSHOT_START,
    request: { id: 'a' },
    requestIds: ['a'],
  });
  expect(afterRequest(undefined, { id: 'a', where: 'n > 1' })).toMatchObject({
    lastKey: null,
    request: { id: 'a', where: 'n > 1' },
  });
});

test('the same request twice does nothing, also after another one', () => {
  const first = afterRequest(done, { id: 'a' }) ?? SNAPSHOT_START;
  expect(afterRequest(first, { id: 'a' })).toBeNull();
  const second = afterRequest({ ...first, done: true }, { id: 'b' }) ?? SNAPSHOT_START;
  expect(afterRequest({ ...second, done: true }, { id: 'a' })).toBeNull();
});

test('a request for all rows covers what is under way, one with a condition waits for it', () => {
  expect(afterRequest(underWay, { id: 'a' })).toMatchObject({ lastKey: null, rows: 0, request: { id: 'a' } });
  const waiting = afterRequest(underWay, { id: 'a', where: 'n > 1' }) ?? SNAPSHOT_START;
  expect(waiting).toMatchObject({ lastKey: ['4'], rows: 4, waiting: [{ id: 'a', where: 'n > 1' }] });
  expect(afterRun(waiting)).toBe(waiting);
  expect(afterRun({ ...waiting, done: true })).toStrictEqual({
    ...SNAPSHOT_START,
    request: { id: 'a', where: 'n > 1' },
    requestIds: ['a'],
  });
});

test('a run that begins anew keeps its request and forgets its place', () => {
  const request = { id: 'a', where: 'n > 1' };
  expect(anew({ ...underWay, request, requestIds: ['a'] })).toStrictEqual({
    ...SNAPSHOT_START,
    request,
    requestIds: ['a'],
  });
});

test('a request is over when it is done or when another has taken its place', () => {
  const a = afterRequest(underWay, { id: 'a', where: 'n > 1' }) ?? SNAPSHOT_START;
  expect(isOver(undefined, 'a')).toBe(false);
  expect(isOver(a, 'a')).toBe(false);
  const running = afterRun({ ...a, done: true });
  expect(isOver(running, 'a')).toBe(false);
  expect(isOver({ ...running, done: true }, 'a')).toBe(true);
  expect(isOver(afterRequest(running, { id: 'b' }) ?? undefined, 'a')).toBe(true);
});

test('rows that left with the record count once every partition has got its last one', () => {
  const place = { lastKey: ['6'], rows: 6 };
  const progress = { ...underWay, leaving: { ...place, ends: { 0: 'b', 2: 'd' } } };
  expect(arrived(progress, ['b', null, 'e'])).toStrictEqual({ ...underWay, ...place });
  for (const last of [['a', null, 'e'], ['b', null, 'c'], ['b', null, null], ['b']])
    expect(arrived(progress, last)).toStrictEqual(underWay);
  expect(arrived(underWay, [null])).toStrictEqual(underWay);
});
