import { TailraceError } from '../../core/errors.ts';
import type { Verdict } from '../sink.ts';

interface Rule extends Verdict {
  /** The server's error codes, or names of the driver's error classes. */
  readonly matches: readonly (number | string)[];
}

/** BSONObjectTooLarge in its three codes. */
const TOO_LARGE = [10334, 17419, 17420];

const RULES: readonly Rule[] = [
  {
    // AuthenticationFailed, Unauthorized, UserNotFound, RoleNotFound, MechanismUnavailable, AtlasError, ReauthenticationRequired;
    // and the driver's errors of logins that expire, which it renews by itself as long as it can.
    matches: [
      18,
      13,
      11,
      31,
      334,
      8000,
      391,
      'MongoAWSError',
      'MongoOIDCError',
      'MongoAzureError',
      'MongoGCPError',
    ],
    outcome: 'stop',
    code: 'SINK_AUTH_FAILED',
    sentence:
      'MongoDB refused the user; check user name, password and authSource, and that the user has the role readWrite on the database.',
  },
  {
    matches: TOO_LARGE,
    outcome: 'park',
    code: 'SINK_EVENT_REJECTED',
    sentence:
      'The document is larger than 16 MB; leave its large columns out with a transform, then start the sink again.',
  },
  {
    // DocumentValidationFailure.
    matches: [121],
    outcome: 'park',
    code: 'SINK_EVENT_REJECTED',
    sentence: "The collection's validator refuses the row; change the validator, then start the sink again.",
  },
  {
    // DuplicateKey: that of _id never comes this far, it means a race or a stale write.
    matches: [11000],
    outcome: 'park',
    code: 'SINK_EVENT_REJECTED',
    sentence:
      'A unique index other than that of _id refuses the row; rows arrive in an order of their own, so drop that index or make it not unique, then start the sink again.',
  },
  {
    // DollarPrefixedFieldName, EmptyFieldName, DottedFieldName, InvalidIdField, NotSingleValueField, Overflow of nesting.
    matches: [52, 56, 57, 53, 54, 15],
    outcome: 'park',
    code: 'SINK_EVENT_REJECTED',
    sentence:
      'MongoDB refuses a field of the row; leave that column out with a transform, then start the sink again.',
  },
  {
    // InvalidNamespace, CommandNotSupportedOnView, OptionNotSupportedOnView.
    matches: [73, 166, 167],
    outcome: 'stop',
    code: 'SINK_SCHEMA_CONFLICT',
    sentence:
      "The collection can't be written to: its name is not allowed, or a view has that name; drop the view or leave the table out.",
  },
  {
    // ExceededMemoryLimit, TooManyConnections of hosted services, IngressRequestRateLimitExceeded, TemporarilyUnavailable,
    // TooManyLogicalSessions.
    matches: [146, 16500, 462, 365, 261],
    outcome: 'throttle',
    code: 'SINK_THROTTLED',
    sentence: 'MongoDB is overloaded and refuses work; the sink goes on with smaller batches.',
  },
  {
    // MaxTimeMSExpired.
    matches: [50],
    outcome: 'throttle',
    code: 'SINK_THROTTLED',
    sentence: 'A request took MongoDB longer than its time limit; the sink goes on with smaller batches.',
  },
  {
    // OutOfDiskSpace.
    matches: [14031],
    outcome: 'retry',
    code: 'SINK_UNREACHABLE',
    sentence: 'The disk of MongoDB is full; free space, the sink goes on by itself.',
  },
  {
    // UserWritesBlocked.
    matches: [371],
    outcome: 'retry',
    code: 'SINK_UNREACHABLE',
    sentence: 'An administrator of MongoDB blocks writes; the sink goes on when they are allowed again.',
  },
  {
    // ShardKeyNotFound, ImmutableField.
    matches: [61, 66],
    outcome: 'stop',
    code: 'SINK_SCHEMA_CONFLICT',
    sentence:
      'The collection is sharded by another key than _id; reshard it by _id, then start the sink again.',
  },
  {
    // LockTimeout, LockBusy, WriteConflict, LockFailed.
    matches: [24, 46, 112, 107],
    outcome: 'retry',
    code: 'SINK_UNREACHABLE',
    sentence: 'Another writer held the same rows for long; the sink writes them again.',
  },
  {
    // HostUnreachable, HostNotFound, NetworkTimeout, ShutdownInProgress, SocketException, NotWritablePrimary,
    // InterruptedAtShutdown, InterruptedDueToReplStateChange, NotPrimaryNoSecondaryOk, NotPrimaryOrSecondary,
    // PrimarySteppedDown, WriteConcernFailed, UnsatisfiableWriteConcern, ExceededTimeLimit,
    // ReadConcernMajorityNotAvailableYet, StaleConfig, Interrupted, CursorNotFound, NotYetInitialized, DatabaseDropPending,
    // StaleDbVersion, IndexBuildAborted.
    matches: [
      6, 7, 89, 91, 9001, 10107, 11600, 11602, 13435, 13436, 189, 64, 100, 262, 134, 13388, 11601, 43, 94,
      215, 249, 276,
    ],
    outcome: 'retry',
    code: 'SINK_UNREACHABLE',
    sentence:
      'MongoDB is starting, stopping or electing a primary; the sink goes on when it takes writes again.',
  },
  {
    matches: [
      'MongoServerSelectionError',
      'MongoNetworkError',
      'MongoNetworkTimeoutError',
      'MongoPoolClearedError',
      'PoolClearedOnNetworkError',
      'MongoPoolClosedError',
      'MongoWaitQueueTimeoutError',
      'MongoServerClosedError',
      'MongoTopologyClosedError',
      'MongoNotConnectedError',
      'MongoClientClosedError',
      'MongoOperationTimeoutError',
      'MongoExpiredSessionError',
    ],
    outcome: 'retry',
    code: 'SINK_UNREACHABLE',
    sentence: 'MongoDB cannot be reached; check that it runs and that the url is right.',
  },
  {
    matches: [
      'MongoParseError',
      'MongoMissingCredentialsError',
      'MongoMissingDependencyError',
      'MongoCompatibilityError',
    ],
    outcome: 'stop',
    code: 'SINK_FAILED',
    sentence:
      'The driver refuses the connection settings; check the url against the connection string format of MongoDB, and that the server is version 5 or newer.',
  },
];

/** Whether the code says that a document is larger than 16 MB. */
export function isTooLarge(code: number): boolean {
  return TOO_LARGE.includes(code);
}

/** The store's error table. A message of the server may quote a row, so no sentence holds one. */
export function classify(error: unknown): Verdict {
  if (error instanceof TailraceError)
    return {
      outcome: error.code === 'SINK_EVENT_REJECTED' ? 'park' : 'stop',
      code: error.code,
      sentence: `${error.message} ${error.fix}`,
    };
  const { name, code } = nameAndCode(error);
  const rule =
    RULES.find(({ matches }) => matches.includes(code)) ??
    RULES.find(({ matches }) => matches.includes(name));
  if (rule === undefined)
    return {
      outcome: 'stop',
      code: 'SINK_FAILED',
      sentence: `MongoDB answered an error that Tailrace does not know: ${name} ${code}.`,
    };
  return { outcome: rule.outcome, code: rule.code, sentence: rule.sentence };
}

function nameAndCode(error: unknown): { name: string; code: number | string } {
  if (!(error instanceof Error)) return { name: 'no Error', code: '' };
  return { name: error.name, code: 'code' in error && typeof error.code === 'number' ? error.code : '' };
}
