import pg from 'pg';
import { expect, test } from 'vitest';
import { sourceError } from './connection.ts';

const URL_OF_SOURCE = 'postgres://tailrace:hidden@db/shop';

function refused(sqlState: string, message = 'a message'): pg.DatabaseError {
  const error = new pg.DatabaseError(message, message.length, 'error');
  error.code = sqlState;
  return error;
}

test.each(['08006', '25006', '40P01', '53100', '55000', '57P01', '57P03', '57014', '58P01'])(
  'SQLSTATE %s passes, so it is told as a server that does not answer',
  (sqlState) => {
    expect(sourceError(refused(sqlState), URL_OF_SOURCE).code).toBe('SOURCE_UNREACHABLE');
  },
);

test.each(['42883', '42P01', '42P10', '22P02', '23505', '0A000', 'XX000', 'P0001'])(
  'SQLSTATE %s fails again at each try, so it has a code of its own',
  (sqlState) => {
    expect(sourceError(refused(sqlState), URL_OF_SOURCE).code).toBe('SOURCE_QUERY_FAILED');
  },
);

test.each(['ECONNRESET', 'EPIPE', 'ETIMEDOUT'])('%s of the network passes', (code) => {
  expect(sourceError(Object.assign(new Error('lost'), { code }), URL_OF_SOURCE).code).toBe(
    'SOURCE_UNREACHABLE',
  );
});

test('a message that can quote a value is left out, with its cause', () => {
  const error = sourceError(
    refused('22P02', 'invalid input syntax for type integer: "secret"'),
    URL_OF_SOURCE,
  );
  expect(error.message).toContain('22P02');
  expect(error.message).not.toContain('secret');
  expect(error.cause).toBeUndefined();
  expect(sourceError(refused('42883', 'operator does not exist'), URL_OF_SOURCE).message).toContain(
    'operator does not exist',
  );
});

test('a defect of our own is not told as one of Postgres', () => {
  expect(sourceError(new TypeError('x is not a function'), URL_OF_SOURCE).code).toBe('INTERNAL');
});
