import { describe, expect, test } from 'vitest';
import { TailraceError } from '../../core/errors.ts';
import { StoreError } from './bulk.ts';
import { classify } from './errors.ts';

describe('every code of the server has one verdict', () => {
  test.each([
    ['AuthenticationFailed', 18, 'stop', 'SINK_AUTH_FAILED'],
    ['Unauthorized', 13, 'stop', 'SINK_AUTH_FAILED'],
    ['NotWritablePrimary', 10107, 'retry', 'SINK_UNREACHABLE'],
    ['InterruptedAtShutdown', 11600, 'retry', 'SINK_UNREACHABLE'],
    ['WriteConcernFailed', 64, 'retry', 'SINK_UNREACHABLE'],
    ['MaxTimeMSExpired', 50, 'throttle', 'SINK_THROTTLED'],
    ['WriteConflict', 112, 'retry', 'SINK_UNREACHABLE'],
    ['ExceededMemoryLimit', 146, 'throttle', 'SINK_THROTTLED'],
    ['BSONObjectTooLarge', 10334, 'park', 'SINK_EVENT_REJECTED'],
    ['DocumentValidationFailure', 121, 'park', 'SINK_EVENT_REJECTED'],
    ['DuplicateKey of another index', 11000, 'park', 'SINK_EVENT_REJECTED'],
    ['CommandNotSupportedOnView', 166, 'stop', 'SINK_SCHEMA_CONFLICT'],
    ['ReauthenticationRequired', 391, 'stop', 'SINK_AUTH_FAILED'],
    ['UserWritesBlocked', 371, 'retry', 'SINK_UNREACHABLE'],
    ['ImmutableField', 66, 'stop', 'SINK_SCHEMA_CONFLICT'],
    ['a code that nobody knows', 4242, 'stop', 'SINK_FAILED'],
  ])('%s', (_name, serverCode, outcome, code) => {
    expect(classify(new StoreError(serverCode))).toMatchObject({ outcome, code });
  });
});

test.each([
  'MongoServerSelectionError',
  'MongoNetworkError',
  'MongoNetworkTimeoutError',
  'MongoPoolClearedError',
])("the driver's %s is retried", (name) => {
  expect(classify(Object.assign(new Error('x'), { name }))).toMatchObject({
    outcome: 'retry',
    code: 'SINK_UNREACHABLE',
  });
});

test('an unknown error is told without its message, which may quote a row', () => {
  const { sentence } = classify(Object.assign(new Error('dup key: { email: "secret" }'), { code: 4242 }));
  expect(sentence).toContain('4242');
  expect(sentence).not.toContain('secret');
});

test('an error of Tailrace keeps its code and says its fix', () => {
  expect(classify(new TailraceError('SINK_SCHEMA_CONFLICT', 'What.', 'Fix.'))).toEqual({
    outcome: 'stop',
    code: 'SINK_SCHEMA_CONFLICT',
    sentence: 'What. Fix.',
  });
});
