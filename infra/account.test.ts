import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { canEnter, makeOpenFolder, serverAccount } from './account.ts';

const stranger = { uid: 54_321, gid: 54_321 };
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'account-'));
  chmodSync(folder, 0o755);
});
afterEach(() => rmSync(folder, { recursive: true }));

test('root runs the servers as nobody, everybody else as themselves', () => {
  expect(serverAccount(0)).toEqual({ uid: 65_534, gid: 65_534 });
  expect(serverAccount(1000)).toBeUndefined();
});

test('an account enters a folder only when every parent lets it through', () => {
  makeOpenFolder(join(folder, 'a', 'b'));
  expect(canEnter(stranger, join(folder, 'a', 'b'))).toBe(true);
  chmodSync(join(folder, 'a'), 0o700);
  expect(canEnter(stranger, join(folder, 'a', 'b'))).toBe(false);
  expect(canEnter(undefined, join(folder, 'a', 'b'))).toBe(true);
});

test('the owner of a closed folder enters it', () => {
  const { uid, gid } = statSync(folder);
  chmodSync(folder, 0o700);
  expect(canEnter({ uid, gid }, folder)).toBe(true);
});
