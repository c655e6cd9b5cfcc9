import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  daemonOf,
  deleteServer,
  homeFor,
  makeHome,
  readState,
  stackFolder,
  writeState,
} from './stack-state.ts';

let stack = '';
beforeEach(() => {
  stack = mkdtempSync(join(tmpdir(), 'stack-state-'));
});
afterEach(() => rmSync(stack, { recursive: true, force: true }));

const state = () => ({
  version: '7',
  port: 6379,
  innerPort: 20_001,
  password: 'secret',
  home: join(stack, 'redis'),
  process: { pid: 1, born: 'boot/1' },
});

test('what was written of a server is read again, by its owner alone', () => {
  expect(readState(stack, 'redis')).toBeUndefined();
  writeState(stack, 'redis', state());
  expect(readState(stack, 'redis')).toEqual(state());
  expect(statSync(join(stack, 'redis.json')).mode & 0o777).toBe(0o600);
  expect(readState(stack, 'kafka')).toBeUndefined();
});

test('a damaged state file is an error that names the file and holds nothing of it', () => {
  writeFileSync(join(stack, 'redis.json'), '{"password":"secret"}');
  expect(() => readState(stack, 'redis')).toThrow(
    `the state file ${join(stack, 'redis.json')} cannot be read`,
  );
  expect(() => readState(stack, 'redis')).not.toThrow('secret');
});

test('a deleted server leaves nothing', () => {
  writeState(stack, 'redis', state());
  makeHome(state().home, undefined);
  writeFileSync(join(stack, 'redis.log'), 'log');
  deleteServer(stack, 'redis');
  expect(readdirSync(stack)).toEqual([]);
});

test('data goes beside a stack folder that the account of the servers cannot enter', () => {
  const stranger = { uid: 54_321, gid: 54_321 };
  expect(homeFor(stack, 'redis', undefined)).toBe(join(stack, 'redis'));
  // mkdtemp makes folders for their owner alone.
  expect(homeFor(stack, 'redis', stranger)).toMatch(/^\/var\/lib\/tailrace\/[0-9a-f]{12}\/redis$/);
});

test('a stack is a folder under the chosen one, and its name cannot lead elsewhere', () => {
  expect(stackFolder('second', { TAILRACE_STACK_DIR: '/data' })).toBe('/data/second');
  expect(() => stackFolder('../x', {})).toThrow('"../x" is no name for a stack');
});

test('a pid file counts only while its process works inside the home of the server', () => {
  const home = join(stack, 'elasticsearch');
  const inside = join(home, 'logs');
  mkdirSync(inside, { recursive: true });
  const server = spawn('sleep', ['600'], { cwd: inside, stdio: 'ignore' });
  const pidFile = join(stack, 'pid');
  writeFileSync(pidFile, String(server.pid));
  expect(daemonOf(pidFile, home)?.pid).toBe(server.pid);
  writeFileSync(pidFile, String(process.pid));
  expect(daemonOf(pidFile, home)).toBeUndefined();
  server.kill();
});
