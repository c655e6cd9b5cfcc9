import { ClickHouseError } from '@clickhouse/client';
import { expect, test } from 'vitest';
import { TailraceError } from '../../core/errors.ts';
import { classify, withoutValues } from './errors.ts';

const answer = (type: string): ClickHouseError => new ClickHouseError({ code: '1', type, message: 'm' });

test.each([
  ['REQUIRED_PASSWORD', 'stop', 'SINK_AUTH_FAILED'],
  ['AUTHENTICATION_FAILED', 'stop', 'SINK_AUTH_FAILED'],
  ['ACCESS_DENIED', 'stop', 'SINK_AUTH_FAILED'],
  ['TOO_MANY_PARTS', 'throttle', 'SINK_THROTTLED'],
  ['MEMORY_LIMIT_EXCEEDED', 'throttle', 'SINK_THROTTLED'],
  ['CANNOT_SCHEDULE_TASK', 'throttle', 'SINK_THROTTLED'],
  ['CANNOT_ALLOCATE_MEMORY', 'throttle', 'SINK_THROTTLED'],
  ['QUOTA_EXCEEDED', 'throttle', 'SINK_THROTTLED'],
  ['TOO_MANY_MUTATIONS', 'throttle', 'SINK_THROTTLED'],
  ['RECEIVED_ERROR_TOO_MANY_REQUESTS', 'throttle', 'SINK_THROTTLED'],
  ['S3_ERROR', 'retry', 'SINK_UNREACHABLE'],
  ['ALL_CONNECTION_TRIES_FAILED', 'retry', 'SINK_UNREACHABLE'],
  ['NO_ACTIVE_REPLICAS', 'retry', 'SINK_UNREACHABLE'],
  ['TABLE_IS_READ_ONLY', 'retry', 'SINK_UNREACHABLE'],
  ['NOT_ENOUGH_SPACE', 'retry', 'SINK_UNREACHABLE'],
  ['UNKNOWN_TABLE', 'stop', 'SINK_SCHEMA_CONFLICT'],
  ['CANNOT_PARSE_UUID', 'park', 'SINK_EVENT_REJECTED'],
  ['VIOLATED_CONSTRAINT', 'park', 'SINK_EVENT_REJECTED'],
  ['LOGICAL_ERROR', 'stop', 'SINK_FAILED'],
])('%s is %s %s', (type, outcome, code) => {
  expect(classify(answer(type))).toMatchObject({ outcome, code });
});

test.each([
  [Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), 'retry', 'SINK_UNREACHABLE'],
  [Object.assign(new Error('tls'), { code: 'EPROTO' }), 'retry', 'SINK_UNREACHABLE'],
  [Object.assign(new Error('read'), { code: 'ENETRESET' }), 'retry', 'SINK_UNREACHABLE'],
  [Object.assign(new Error('certificate'), { code: 'CERT_HAS_EXPIRED' }), 'stop', 'SINK_FAILED'],
  [new Error('Timeout error.'), 'retry', 'SINK_UNREACHABLE'],
  [new Error('socket hang up'), 'retry', 'SINK_UNREACHABLE'],
  [new Error('<html><head><title>502 Bad Gateway</title></head></html>'), 'retry', 'SINK_UNREACHABLE'],
  [new Error('503 Service Temporarily Unavailable'), 'retry', 'SINK_UNREACHABLE'],
  [new Error('upstream connect error or disconnect/reset before headers'), 'retry', 'SINK_UNREACHABLE'],
  [new Error(''), 'retry', 'SINK_UNREACHABLE'],
  [new Error('<html><title>404 Not Found</title></html>'), 'stop', 'SINK_FAILED'],
  [new TailraceError('SINK_EVENT_REJECTED', 'what', 'fix'), 'park', 'SINK_EVENT_REJECTED'],
  [new TailraceError('SINK_SCHEMA_CONFLICT', 'what', 'fix'), 'stop', 'SINK_SCHEMA_CONFLICT'],
  [new Error('surprise'), 'stop', 'SINK_FAILED'],
  [undefined, 'stop', 'SINK_FAILED'],
])('%s is %s', (error, outcome, code) => {
  expect(classify(error)).toMatchObject({ outcome, code });
});

test('an answer to an insert keeps its type and loses the values that it quotes', () => {
  const secret = 'secret-value';
  for (const error of [
    new ClickHouseError({ code: '27', type: 'CANNOT_PARSE_UUID', message: `parsed text: "${secret}"` }),
    new Error(`<html>${secret}</html>`),
  ]) {
    const clean = withoutValues(error);
    expect([clean.message, clean.stack].join()).not.toContain(secret);
    expect(classify(clean).sentence).not.toContain(secret);
  }
  expect(classify(withoutValues(answer('CANNOT_PARSE_UUID')))).toMatchObject({ outcome: 'park' });
  const gateway = withoutValues(new Error(`<title>504 Gateway Time-out</title>${secret}`));
  expect(gateway.message).not.toContain(secret);
  expect(classify(gateway)).toMatchObject({ outcome: 'retry' });
});

test.each(['ECONNRESET', 'CERT_HAS_EXPIRED', 'EMFILE'])(
  'an error %s of the connection stays as it is',
  (code) => {
    const error = Object.assign(new Error('read'), { code });
    expect(withoutValues(error)).toBe(error);
  },
);
