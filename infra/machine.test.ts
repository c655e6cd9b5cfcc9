import { expect, test } from 'vitest';
import { checkRequirements } from './machine.ts';
import type { Machine } from './servers/server.ts';
import { serverNamed } from './servers/all.ts';
import { StackError } from './stack-error.ts';

const bare: Machine = { account: undefined, javas: [], python: undefined };
const linux = 'linux x64';

function complaint(check: () => void): StackError {
  try {
    check();
  } catch (thrown) {
    if (thrown instanceof StackError) return thrown;
  }
  throw new Error('nothing was refused');
}

test('a missing Java is one line that names the servers, what was found and how to get it', () => {
  const machine = { ...bare, javas: [{ home: '/jvm/17', version: 17 }] };
  const servers = [serverNamed('kafka'), serverNamed('elasticsearch'), serverNamed('neo4j')];
  const error = complaint(() => checkRequirements(machine, servers, [], linux));
  expect(error.exitCode).toBe(6);
  expect(error.message).toMatch(
    /^Java 21 or newer is missing \(found: 17 in \/jvm\/17\); elasticsearch, neo4j need it: install [^\n]*$/,
  );
});

test('each missing program has its own line', () => {
  const servers = [serverNamed('kafka'), serverNamed('mongodb')];
  const error = complaint(() => checkRequirements(bare, servers, [], linux));
  expect(error.message.split('\n')).toHaveLength(2);
  expect(error.message).toContain('Python 3.10 or newer with venv is missing; mongodb need it');
});

test('programs that only a download needs are not asked for when the cache has the server', () => {
  const machine = { ...bare, javas: [{ home: '/jvm/25', version: 25 }] };
  expect(() => checkRequirements(machine, [serverNamed('kafka')], [], linux)).not.toThrow();
});

test('another platform gets a line for each server with what to use instead', () => {
  const servers = [serverNamed('redis'), serverNamed('clickhouse')];
  const error = complaint(() => checkRequirements(bare, servers, [], 'darwin arm64'));
  expect(error.exitCode).toBe(6);
  expect(error.message.split('\n')).toHaveLength(2);
  expect(error.message).toContain('redis: the local stack has no package for darwin arm64');
  expect(error.message).toContain('set TEST_CLICKHOUSE_URL to a running one');
});
