import { ClickHouseError } from '@clickhouse/client';
import { TailraceError, toError } from '../../core/errors.ts';
import type { Verdict } from '../sink.ts';

interface Rule extends Verdict {
  /** ClickHouse's names of errors, or Node's and the client's for the connection. */
  readonly types: readonly string[];
}

const RULES: readonly Rule[] = [
  {
    types: [
      'AUTHENTICATION_FAILED',
      'REQUIRED_PASSWORD',
      'WRONG_PASSWORD',
      'UNKNOWN_USER',
      'IP_ADDRESS_NOT_ALLOWED',
    ],
    outcome: 'stop',
    code: 'SINK_AUTH_FAILED',
    sentence:
      'ClickHouse refused the user; check user name, password and the addresses the user may come from.',
  },
  {
    types: ['ACCESS_DENIED', 'DATABASE_ACCESS_DENIED', 'READONLY'],
    outcome: 'stop',
    code: 'SINK_AUTH_FAILED',
    sentence:
      'The user may not do this; it needs SELECT, INSERT, CREATE TABLE, CREATE VIEW, DROP VIEW, DROP TABLE and ALTER TABLE on the database of this sink, and SYSTEM SYNC REPLICA where tables are replicated.',
  },
  {
    types: [
      'CANNOT_ALLOCATE_MEMORY',
      'CANNOT_SCHEDULE_TASK',
      'MEMORY_LIMIT_EXCEEDED',
      'QUOTA_EXCEEDED',
      'RECEIVED_ERROR_TOO_MANY_REQUESTS',
      'SERVER_OVERLOADED',
      'TIMEOUT_EXCEEDED',
      'TOO_MANY_MUTATIONS',
      'TOO_MANY_PARTS',
      'TOO_MANY_SIMULTANEOUS_QUERIES',
      'TOO_SLOW',
    ],
    outcome: 'throttle',
    code: 'SINK_THROTTLED',
    sentence:
      'ClickHouse is overloaded (merges, memory, queries or a quota); the sink waits and sends again.',
  },
  {
    types: [
      'ABORTED',
      'ALL_CONNECTION_TRIES_FAILED',
      'CANNOT_ASSIGN_ALTER',
      'DEADLOCK_AVOIDED',
      'KEEPER_EXCEPTION',
      'NETWORK_ERROR',
      'NO_ACTIVE_REPLICAS',
      'NO_ZOOKEEPER',
      'QUERY_WAS_CANCELLED',
      'S3_ERROR',
      'SOCKET_TIMEOUT',
      'TABLE_IS_READ_ONLY',
      'TOO_FEW_LIVE_REPLICAS',
      'UNFINISHED',
      'UNKNOWN_STATUS_OF_INSERT',
      'UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE',
    ],
    outcome: 'retry',
    code: 'SINK_UNREACHABLE',
    sentence:
      'ClickHouse is starting, stopping or without its replicas or storage; the sink goes on when it takes writes.',
  },
  {
    types: ['NOT_ENOUGH_SPACE'],
    outcome: 'retry',
    code: 'SINK_UNREACHABLE',
    sentence: 'The disk of ClickHouse is full; free space, the sink goes on by itself.',
  },
  {
    types: [
      'ALTER_OF_COLUMN_IS_FORBIDDEN',
      'DUPLICATE_COLUMN',
      'ILLEGAL_COLUMN',
      'NO_SUCH_COLUMN_IN_TABLE',
      'TYPE_MISMATCH',
      'UNKNOWN_DATABASE',
      'UNKNOWN_IDENTIFIER',
      'UNKNOWN_TABLE',
    ],
    outcome: 'stop',
    code: 'SINK_SCHEMA_CONFLICT',
    sentence:
      'Database, table or a column is missing or of another type; create the database, or restart the sink so that it makes what is missing.',
  },
  {
    types: [
      'BAD_ARGUMENTS',
      'BAD_TTL_EXPRESSION',
      'READONLY_SETTING',
      'SYNTAX_ERROR',
      'UNKNOWN_FUNCTION',
      'UNKNOWN_SETTING',
    ],
    outcome: 'stop',
    code: 'CONFIG_INVALID',
    sentence:
      'ClickHouse does not take an expression or a setting in the `mapping` of a table; its own words follow.',
  },
  {
    types: [
      'CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN',
      'CANNOT_PARSE_BOOL',
      'CANNOT_PARSE_DATE',
      'CANNOT_PARSE_DATETIME',
      'CANNOT_PARSE_ESCAPE_SEQUENCE',
      'CANNOT_PARSE_INPUT_ASSERTION_FAILED',
      'CANNOT_PARSE_NUMBER',
      'CANNOT_PARSE_QUOTED_STRING',
      'CANNOT_PARSE_TEXT',
      'CANNOT_PARSE_UUID',
      'ARGUMENT_OUT_OF_BOUND',
      'DECIMAL_OVERFLOW',
      'INCORRECT_DATA',
      'TOO_LARGE_STRING_SIZE',
      'VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE',
      'VIOLATED_CONSTRAINT',
    ],
    outcome: 'park',
    code: 'SINK_EVENT_REJECTED',
    sentence:
      'ClickHouse cannot hold this row; change it with a transform or leave it out, then start the sink again.',
  },
  {
    types: [
      'ECONNREFUSED',
      'ECONNRESET',
      'ECONNABORTED',
      'ETIMEDOUT',
      'EPIPE',
      'EPROTO',
      'ENOTFOUND',
      'EAI_AGAIN',
      'EHOSTUNREACH',
      'ENETRESET',
      'ENETUNREACH',
      'Timeout error.',
      'The user aborted a request.',
      'socket hang up',
    ],
    outcome: 'retry',
    code: 'SINK_UNREACHABLE',
    sentence:
      'ClickHouse cannot be reached or does not answer; check that it runs and that the url is right.',
  },
];

const VERDICTS: ReadonlyMap<string, Verdict> = new Map(
  RULES.flatMap(({ types, ...verdict }) => types.map((type) => [type, verdict] as const)),
);

const GATEWAY: Verdict = {
  outcome: 'retry',
  code: 'SINK_UNREACHABLE',
  sentence:
    'A proxy answered that ClickHouse behind it does not (502, 503 or 504); the sink goes on when it is back.',
};

/** The client hands on the body of an answer that is not ClickHouse's, and no status. A proxy may send none at all. */
const GATEWAY_BODY =
  /^\s*$|\b50[234]\b\s+(Bad Gateway|Service (Temporarily )?Unavailable|Gateway Time-?out)|upstream connect error|no healthy upstream/i;

/** The store's error table. */
export function classify(error: unknown): Verdict {
  if (error instanceof TailraceError)
    return {
      outcome: error.code === 'SINK_EVENT_REJECTED' ? 'park' : 'stop',
      code: error.code,
      sentence: `${error.message}; ${error.fix}`,
    };
  if (isGatewayAnswer(error)) return GATEWAY;
  const verdict = namesOf(error)
    .map((name) => VERDICTS.get(name))
    .find((found) => found !== undefined);
  if (verdict?.code === 'CONFIG_INVALID')
    return { ...verdict, sentence: `${verdict.sentence} ${toError(error).message}` };
  return (
    verdict ?? {
      outcome: 'stop',
      code: 'SINK_FAILED',
      sentence: `ClickHouse failed in a way that Tailrace does not know: ${toError(error).message}`,
    }
  );
}

function namesOf(error: unknown): readonly string[] {
  if (error instanceof ClickHouseError) return [error.type ?? ''];
  if (!(error instanceof Error)) return [];
  return ['code' in error ? String(error.code) : '', error.message];
}

function isGatewayAnswer(error: unknown): boolean {
  return error instanceof Error && !(error instanceof ClickHouseError) && GATEWAY_BODY.test(error.message);
}

/** The error of an insert without the server's message, which quotes values of the rows. */
export function withoutValues(error: unknown): Error {
  if (error instanceof ClickHouseError) {
    const { code, type = 'UNKNOWN' } = error;
    return new ClickHouseError({
      code,
      type,
      message: `ClickHouse refused an insert: ${type} (code ${code})`,
    });
  }
  if (isGatewayAnswer(error)) return new Error('502 Bad Gateway');
  return isConnectionError(error)
    ? toError(error)
    : new Error('an insert got an answer that is not from ClickHouse');
}

/** Node's errors of sockets, names and certificates have codes; those of its HTTP parser (`HPE_...`) hold the answer's bytes. */
function isConnectionError(error: unknown): boolean {
  const [code = '', message = ''] = namesOf(error);
  return (code !== '' && !code.startsWith('HPE_')) || VERDICTS.has(message);
}
