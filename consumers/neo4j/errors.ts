import { Neo4jError } from 'neo4j-driver';
import { TailraceError } from '../../core/errors.ts';
import type { Verdict } from '../sink.ts';

interface Rule extends Verdict {
  /** Matched against the error's code and message, `Neo.ClientError.Schema.X: text`; the first rule that matches counts. */
  readonly pattern: RegExp;
}

const RULES: readonly Rule[] = [
  {
    pattern: /^Neo\.ClientError\.Schema\.ConstraintValidationFailed:/,
    outcome: 'park',
    code: 'SINK_EVENT_REJECTED',
    sentence:
      'A constraint of the database refuses the row; look for constraints that were added beside those of Tailrace, then start the sink again.',
  },
  {
    pattern: /^Neo\.DatabaseError\.Statement\.ExecutionFailed:.*too large to index/s,
    outcome: 'park',
    code: 'SINK_EVENT_REJECTED',
    sentence:
      'The key, or another property with an index, is longer than an index of Neo4j can hold (about 8 kB); shorten it or leave the column out, then start the sink again.',
  },
  {
    // What Java says of a text that is no date; other mistakes of syntax concern every row.
    pattern:
      /^Neo\.ClientError\.Statement\.SyntaxError: (Invalid date '|Invalid value for \w+ \(valid values|Text cannot be parsed to a )/,
    outcome: 'park',
    code: 'SINK_EVENT_REJECTED',
    sentence:
      'A date or time of the row does not exist in the calendar; mend it at the source or in the transform that makes it, then start the sink again.',
  },
  {
    pattern: /^Neo\.ClientError\.Schema\./,
    outcome: 'stop',
    code: 'SINK_SCHEMA_CONFLICT',
    sentence:
      'An index, a constraint or duplicate nodes stand in the way of the unique constraint on a key; remove them or give the sink another database.',
  },
  {
    pattern: /^Neo\.ClientError\.Security\.AuthorizationExpired:/,
    outcome: 'retry',
    code: 'SINK_UNREACHABLE',
    sentence: 'The server asks for a new login of the connection, which comes with the next attempt.',
  },
  {
    pattern: /^Neo\.ClientError\.Security\./,
    outcome: 'stop',
    code: 'SINK_AUTH_FAILED',
    sentence:
      'Neo4j refused the user; check user name and password, and that the user may read, write and create constraints.',
  },
  {
    pattern: /^Neo\.ClientError\.Database\.DatabaseNotFound:/,
    outcome: 'stop',
    code: 'SINK_FAILED',
    sentence: 'The database does not exist on this server; check the option database.',
  },
  {
    pattern:
      /^Neo\.(TransientError\.General\.(MemoryPool)?OutOfMemoryError|TransientError\.Request\.|TransientError\.Transaction\.MaximumTransactionLimitReached|ClientError\.Transaction\.TransactionTimedOut|DatabaseError\.General\.(StackOverFlow|OutOfMemory)Error)/,
    outcome: 'throttle',
    code: 'SINK_THROTTLED',
    sentence:
      'Neo4j is short of memory, threads or time; smaller batches follow. Give the server more heap if it stays so.',
  },
  {
    pattern:
      /^Neo\.TransientError\.(Transaction\.(DeadlockDetected|LockClient|LockAcquisition|LeaseExpired|Interrupted)|Schema\.)/,
    outcome: 'retry',
    code: 'SINK_THROTTLED',
    sentence: 'Another writer held the same locks; the batch is sent again.',
  },
  {
    pattern:
      /^(Neo\.(TransientError\.|ClientError\.Cluster\.NotALeader|ClientError\.Transaction\.(Terminated|LockClientStopped|TransactionTerminated))|ServiceUnavailable|SessionExpired)/,
    outcome: 'retry',
    code: 'SINK_UNREACHABLE',
    sentence:
      'Neo4j cannot be reached, is starting or is changing its leader; check that it runs and that the url is right.',
  },
  {
    pattern: /Connection acquisition timed out|Pool is closed/,
    outcome: 'retry',
    code: 'SINK_UNREACHABLE',
    sentence: 'Neo4j gave no connection in time; check that it runs and that the url is right.',
  },
];

/** The store's error table. */
export function classify(error: unknown): Verdict {
  if (error instanceof TailraceError)
    return {
      outcome: error.code === 'SINK_EVENT_REJECTED' ? 'park' : 'stop',
      code: error.code,
      sentence: `${error.message} ${error.fix}`,
    };
  // Only the code is shown of an unknown error: Neo4j's messages can hold values.
  const code = error instanceof Neo4jError ? error.code : 'no code of Neo4j';
  const text = `${code}: ${error instanceof Error ? error.message : ''}`;
  const rule = RULES.find(({ pattern }) => pattern.test(text));
  if (rule === undefined)
    return {
      outcome: 'stop',
      code: 'SINK_FAILED',
      sentence: `Neo4j answered an error that Tailrace does not know (${code}); look at the log of the server.`,
    };
  return { outcome: rule.outcome, code: rule.code, sentence: rule.sentence };
}
