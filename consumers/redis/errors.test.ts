import { describe, expect, test } from 'vitest';
import { TailraceError } from '../../core/errors.ts';
import { classify } from './errors.ts';

describe('every error has one verdict', () => {
  test.each([
    ['WRONGTYPE Operation against a key holding the wrong kind of value', 'stop', 'SINK_FAILED'],
    ['NOSTREAM the key of the stream has another type', 'stop', 'SINK_FAILED'],
    ["OOM command not allowed when used memory > 'maxmemory'.", 'throttle', 'SINK_THROTTLED'],
    ['ERR max number of clients reached', 'throttle', 'SINK_THROTTLED'],
    ['NOAUTH Authentication required.', 'stop', 'SINK_AUTH_FAILED'],
    ['WRONGPASS invalid username-password pair or user is disabled.', 'stop', 'SINK_AUTH_FAILED'],
    ["NOPERM this user has no permissions to run the 'evalsha' command", 'stop', 'SINK_AUTH_FAILED'],
    [
      "ERR The user executing the script can't run this command or subcommand script: ab",
      'stop',
      'SINK_AUTH_FAILED',
    ],
    ['ERR ACL failure in script: User writer has no permissions', 'stop', 'SINK_AUTH_FAILED'],
    ['DENIED Redis is running in protected mode', 'stop', 'SINK_AUTH_FAILED'],
    ["READONLY You can't write against a read only replica.", 'retry', 'SINK_UNREACHABLE'],
    ['LOADING Redis is loading the dataset in memory', 'retry', 'SINK_UNREACHABLE'],
    ['CLUSTERDOWN The cluster is down', 'retry', 'SINK_UNREACHABLE'],
    ['NOSCRIPT No matching script. Please use EVAL.', 'retry', 'SINK_UNREACHABLE'],
    ['MISCONF Redis is configured to save RDB snapshots', 'retry', 'SINK_UNREACHABLE'],
    ['MOVED 3999 127.0.0.1:6381', 'retry', 'SINK_UNREACHABLE'],
    ["CROSSSLOT Keys in request don't hash to the same slot", 'stop', 'SINK_FAILED'],
    ['ERR DB index is out of range', 'stop', 'SINK_FAILED'],
    ['Connection is closed.', 'retry', 'SINK_UNREACHABLE'],
    ["Stream isn't writeable and enableOfflineQueue options is false", 'retry', 'SINK_UNREACHABLE'],
    ["Socket timeout. Expecting data, but didn't receive any in 60000ms.", 'retry', 'SINK_UNREACHABLE'],
    ['something else', 'stop', 'SINK_FAILED'],
  ])('%s', (message, outcome, code) => {
    expect(classify(new Error(message))).toMatchObject({ outcome, code });
  });
});

test('an error of the network is told by its code, even without a message', () => {
  expect(classify(Object.assign(new Error(''), { code: 'ECONNREFUSED' }))).toMatchObject({
    outcome: 'retry',
    code: 'SINK_UNREACHABLE',
  });
});

test('an error of Tailrace keeps its code and says its fix', () => {
  expect(classify(new TailraceError('SINK_SCHEMA_CONFLICT', 'What.', 'Fix.'))).toEqual({
    outcome: 'stop',
    code: 'SINK_SCHEMA_CONFLICT',
    sentence: 'What. Fix.',
  });
});
