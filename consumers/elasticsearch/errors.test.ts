import { errors } from '@elastic/elasticsearch';
import { describe, expect, test } from 'vitest';
import { TailraceError } from '../../core/errors.ts';
import { classify, isTooLarge, refusalOf, withoutDocuments } from './errors.ts';

test.each([
  [401, 'security_exception', 'stop', 'SINK_AUTH_FAILED'],
  [403, 'security_exception', 'stop', 'SINK_AUTH_FAILED'],
  [403, 'cluster_block_exception', 'retry', 'SINK_UNREACHABLE'],
  [429, 'cluster_block_exception', 'retry', 'SINK_UNREACHABLE'],
  [429, 'es_rejected_execution_exception', 'throttle', 'SINK_THROTTLED'],
  [429, 'circuit_breaking_exception', 'throttle', 'SINK_THROTTLED'],
  [503, 'unavailable_shards_exception', 'retry', 'SINK_UNREACHABLE'],
  [502, 'unknown', 'retry', 'SINK_UNREACHABLE'],
  [404, 'index_not_found_exception', 'stop', 'SINK_SCHEMA_CONFLICT'],
  [404, 'search_phase_execution_exception', 'retry', 'SINK_UNREACHABLE'],
  [404, 'search_context_missing_exception', 'retry', 'SINK_UNREACHABLE'],
  [400, 'index_closed_exception', 'stop', 'SINK_SCHEMA_CONFLICT'],
  [400, 'strict_dynamic_mapping_exception', 'stop', 'SINK_SCHEMA_CONFLICT'],
  [400, 'document_parsing_exception', 'park', 'SINK_EVENT_REJECTED'],
  [413, 'unknown', 'park', 'SINK_EVENT_REJECTED'],
  [405, 'unknown', 'stop', 'SINK_FAILED'],
])('%i %s is %s %s', (status, type, outcome, code) => {
  expect(classify(refusalOf(status, type))).toMatchObject({ outcome, code });
});

test.each([
  [new errors.ConnectionError('connect ECONNREFUSED'), 'retry', 'SINK_UNREACHABLE'],
  [new errors.TimeoutError('Request timed out'), 'retry', 'SINK_UNREACHABLE'],
  [new TailraceError('SINK_EVENT_REJECTED', 'what', 'fix'), 'park', 'SINK_EVENT_REJECTED'],
  [new TailraceError('TABLE_NAMES_COLLIDE', 'what', 'fix'), 'stop', 'TABLE_NAMES_COLLIDE'],
  [new Error('surprise'), 'stop', 'SINK_FAILED'],
  ['thrown text', 'stop', 'SINK_FAILED'],
])('%s is %s', (error, outcome, code) => {
  expect(classify(error)).toMatchObject({ outcome, code });
});

test('a connection that fails tells its reason in one line', () => {
  const error = withoutDocuments(new errors.ConnectionError('self-signed certificate; try\n\nanother '));
  expect(classify(error).sentence).toContain(
    'cannot be reached (self-signed certificate; try another); check that it runs',
  );
});

describe('a 429 of the indexing pressure', () => {
  const reason = (size: number): string =>
    'rejected execution of primary operation [coordinating_and_primary_bytes=20971728, replica_bytes=0, ' +
    `all_bytes=20971728, primary_operation_bytes=${size}, max_primary_bytes=51897958]`;

  test('passes when the request alone is below the limit', () => {
    const refusal = refusalOf(429, 'es_rejected_execution_exception', reason(41_897_958));
    expect(isTooLarge(refusal)).toBe(false);
    expect(classify(refusal)).toMatchObject({ outcome: 'throttle' });
  });

  test('never passes when the request alone is above the limit, so its row is parked', () => {
    const refusal = refusalOf(429, 'es_rejected_execution_exception', reason(83_886_112));
    expect(isTooLarge(refusal)).toBe(true);
    expect(classify(refusal)).toMatchObject({ outcome: 'park', code: 'SINK_EVENT_REJECTED' });
  });
});

test('an error of the client keeps status and type and loses documents and reasons', () => {
  const secret = 'secret-value';
  const meta = {
    statusCode: 400,
    headers: {},
    warnings: null,
    body: { error: { type: 'parse_exception', reason: secret } },
    meta: {
      context: null,
      name: 'client',
      request: { params: { method: 'POST', path: '/_bulk', body: secret }, options: {}, id: 1 },
      connection: null,
      attempts: 0,
      aborted: false,
    },
  };
  for (const error of [
    new errors.ResponseError(meta),
    new errors.ConnectionError('reset', meta),
    new errors.TimeoutError('timed out', meta),
    new errors.DeserializationError('bad JSON', secret),
  ]) {
    const clean = withoutDocuments(error);
    expect(JSON.stringify([clean, clean.message, clean.stack])).not.toContain(secret);
    expect(classify(clean).sentence).not.toContain(secret);
  }
  expect(withoutDocuments(new errors.ResponseError(meta))).toMatchObject({
    status: 400,
    type: 'parse_exception',
  });
});
