import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withLock } from './lock.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lock-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('work under one lock never overlaps, and the lock leaves nothing behind', async () => {
  const file = join(folder, 'a.lock');
  let inside = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setImmediate(resolve));
    inside--;
  };
  await Promise.all([1, 2, 3].map(() => withLock(file, () => {}, work)));
  expect(most).toBe(1);
  expect(readdirSync(folder)).toEqual([]);
});

test('the lock of a dead process is taken over', async () => {
  const file = join(folder, 'a.lock');
  writeFileSync(file, JSON.stringify({ pid: process.pid, born: 'another boot/1' }));
  expect(
    await withLock(
      file,
      () => {},
      () => Promise.resolve('done'),
    ),
  ).toBe('done');
  expect(readdirSync(folder)).toEqual([]);
});

test('who waits is told once which process holds the lock', async () => {
  const file = join(folder, 'a.lock');
  const told: number[] = [];
  const { promise: release, resolve: open } = Promise.withResolvers<void>();
  const first = withLock(
    file,
    () => {},
    () => release,
  );
  const second = withLock(
    file,
    (pid) => {
      told.push(pid);
      open();
    },
    () => Promise.resolve(),
  );
  await Promise.all([first, second]);
  expect(told).toEqual([process.pid]);
});

test('work that fails gives the lock back', async () => {
  const file = join(folder, 'a.lock');
  const failing = withLock(
    file,
    () => {},
    () => Promise.reject(new Error('no')),
  );
  await expect(failing).rejects.toThrow('no');
  expect(readdirSync(folder)).toEqual([]);
});
