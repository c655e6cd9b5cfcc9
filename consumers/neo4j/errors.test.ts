import { Neo4jError } from 'neo4j-driver';
import { describe, expect, test } from 'vitest';
import { TailraceError } from '../../core/errors.ts';
import { classify } from './errors.ts';

function storeError(code: string, message = 'holds a secret value'): Neo4jError {
  return new Neo4jError(message, code, '50N00', 'general processing exception');
}

describe('every error has one verdict', () => {
  test.each([
    ['ServiceUnavailable', 'retry', 'SINK_UNREACHABLE'],
    ['SessionExpired', 'retry', 'SINK_UNREACHABLE'],
    ['Neo.TransientError.General.DatabaseUnavailable', 'retry', 'SINK_UNREACHABLE'],
    ['Neo.ClientError.Cluster.NotALeader', 'retry', 'SINK_UNREACHABLE'],
    ['Neo.TransientError.Transaction.DeadlockDetected', 'retry', 'SINK_THROTTLED'],
    ['Neo.TransientError.Transaction.LockClientStopped', 'retry', 'SINK_THROTTLED'],
    ['Neo.TransientError.General.MemoryPoolOutOfMemoryError', 'throttle', 'SINK_THROTTLED'],
    ['Neo.TransientError.General.OutOfMemoryError', 'throttle', 'SINK_THROTTLED'],
    ['Neo.TransientError.Request.NoThreadsAvailable', 'throttle', 'SINK_THROTTLED'],
    ['Neo.ClientError.Transaction.TransactionTimedOut', 'throttle', 'SINK_THROTTLED'],
    ['Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration', 'throttle', 'SINK_THROTTLED'],
    ['Neo.ClientError.Security.Unauthorized', 'stop', 'SINK_AUTH_FAILED'],
    ['Neo.ClientError.Security.AuthenticationRateLimit', 'stop', 'SINK_AUTH_FAILED'],
    ['Neo.ClientError.Security.Forbidden', 'stop', 'SINK_AUTH_FAILED'],
    ['Neo.ClientError.Security.CredentialsExpired', 'stop', 'SINK_AUTH_FAILED'],
    ['Neo.ClientError.Security.AuthorizationExpired', 'retry', 'SINK_UNREACHABLE'],
    ['Neo.ClientError.Schema.IndexAlreadyExists', 'stop', 'SINK_SCHEMA_CONFLICT'],
    ['Neo.ClientError.Schema.ConstraintCreationFailed', 'stop', 'SINK_SCHEMA_CONFLICT'],
    ['Neo.ClientError.Schema.ConstraintValidationFailed', 'park', 'SINK_EVENT_REJECTED'],
    ['Neo.ClientError.Database.DatabaseNotFound', 'stop', 'SINK_FAILED'],
    ['Neo.DatabaseError.Statement.ExecutionFailed', 'stop', 'SINK_FAILED'],
    ['Neo.ClientError.Statement.SyntaxError', 'stop', 'SINK_FAILED'],
  ])('%s', (code, outcome, errorCode) => {
    const verdict = classify(storeError(code));
    expect(verdict).toMatchObject({ outcome, code: errorCode });
    expect(verdict.sentence).not.toContain('secret value');
  });
});

test('a property that no index can hold concerns its row alone', () => {
  const error = storeError(
    'Neo.DatabaseError.Statement.ExecutionFailed',
    'Property value is too large to index, please see index documentation for limitations.',
  );
  expect(classify(error)).toMatchObject({ outcome: 'park', code: 'SINK_EVENT_REJECTED' });
});

test.each([
  "Invalid date 'FEBRUARY 30'",
  'Invalid value for MonthOfYear (valid values 1 - 12): 13',
  'Text cannot be parsed to a Date',
])('a date that does not exist concerns its row alone: %s', (message) => {
  const error = storeError('Neo.ClientError.Statement.SyntaxError', message);
  expect(classify(error)).toMatchObject({ outcome: 'park', code: 'SINK_EVENT_REJECTED' });
});

test('an unknown error stops and shows its code, not its message', () => {
  expect(classify(storeError('Neo.ClientError.New.Kind'))).toMatchObject({
    outcome: 'stop',
    code: 'SINK_FAILED',
    sentence: expect.stringContaining('Neo.ClientError.New.Kind'),
  });
  expect(classify('thrown text')).toMatchObject({ outcome: 'stop', code: 'SINK_FAILED' });
});

test('an error of Tailrace keeps its code and says its fix', () => {
  expect(classify(new TailraceError('SINK_SCHEMA_CONFLICT', 'What.', 'Fix.'))).toEqual({
    outcome: 'stop',
    code: 'SINK_SCHEMA_CONFLICT',
    sentence: 'What. Fix.',
  });
});
