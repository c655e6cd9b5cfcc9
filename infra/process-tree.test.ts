import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { identify, isAlive, memoryBytes, processTree, stopProcess } from './process-tree.ts';

/** A shell with a child; it tells on its output when both run, and ignores SIGTERM when `stubborn`. */
async function startFamily(stubborn = false) {
  const trap = stubborn ? "trap '' TERM; " : '';
  const shell = spawn('/bin/sh', ['-c', `${trap}sleep 600 & echo up; wait`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(shell.stdout, 'data');
  const identity = identify(shell.pid ?? 0);
  if (identity === undefined) throw new Error('the shell does not run');
  return identity;
}

test('a process with all its descendants is stopped, also when it ignores SIGTERM', async () => {
  const shell = await startFamily(true);
  const family = processTree(shell);
  expect(family).toHaveLength(2);
  expect(memoryBytes(shell)).toBeGreaterThan(0);
  await stopProcess(shell, 'SIGTERM', 200);
  expect(family.filter(isAlive)).toEqual([]);
});

test('SIGKILL reaches the children too', async () => {
  const shell = await startFamily();
  const family = processTree(shell);
  await stopProcess(shell, 'SIGKILL', 0);
  expect(family.filter(isAlive)).toEqual([]);
});

test('a process that took over a pid is neither alive in the old name nor stopped', async () => {
  const shell = await startFamily();
  const predecessor = { pid: shell.pid, born: 'another boot/1' };
  expect(isAlive(predecessor)).toBe(false);
  await stopProcess(predecessor, 'SIGKILL', 1000);
  expect(isAlive(shell)).toBe(true);
  await stopProcess(shell, 'SIGKILL', 0);
});
