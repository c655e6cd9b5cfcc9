/**
 * Every code that a user can meet, with the exit code of a program that ends with it (contract: 1 failure,
 * 2 usage or config, 3 not found, 4 auth or permission, 5 conflict, 6 preflight failed, 7 position lost).
 * Each has a paragraph in docs/errors.md; a test holds both lists together.
 */
export const ERROR_CODES = {
  INTERNAL: 1,
  CONFIG_INVALID: 2,
  CONFIG_NOT_FOUND: 2,
  USAGE: 2,
  TABLE_NOT_FOUND: 3,
  SINK_NOT_FOUND: 3,
  SOURCE_UNREACHABLE: 6,
  SOURCE_AUTH_FAILED: 4,
  SOURCE_PERMISSION_DENIED: 4,
  SOURCE_WAL_LEVEL: 6,
  SOURCE_VERSION_UNSUPPORTED: 6,
  SOURCE_LIMIT_REACHED: 6,
  SOURCE_IN_RECOVERY: 6,
  SOURCE_QUERY_FAILED: 1,
  TABLE_WITHOUT_KEY: 6,
  TABLE_KEY_CHANGED: 6,
  TABLE_IDENTITY: 6,
  TABLE_NAMES_COLLIDE: 2,
  SLOT_IN_USE: 5,
  SLOT_FOREIGN: 5,
  SLOT_NOT_FOUND: 3,
  PRODUCER_FENCED: 5,
  PUBLICATION_ADDED: 6,
  POSITION_LOST: 7,
  CAPTURE_UNDECODABLE: 1,
  CAPTURE_TRUNCATE: 1,
  KAFKA_UNREACHABLE: 1,
  KAFKA_AUTH_FAILED: 4,
  KAFKA_REJECTED: 1,
  REGISTRY_UNREACHABLE: 1,
  REGISTRY_REJECTED: 1,
  SCHEMA_INCOMPATIBLE: 5,
  SCHEMA_NOT_FOUND: 3,
  TOPIC_NOT_FOUND: 3,
  TOPIC_UNSAFE: 6,
  ROW_TOO_LARGE: 1,
  EVENT_UNDECODABLE: 1,
  EVENT_INCOMPLETE: 1,
  TRANSFORM_FAILED: 1,
  TYPES_STALE: 1,
  MIGRATION_FAILED: 1,
  SCRATCH_FAILED: 1,
  SINK_UNREACHABLE: 1,
  SINK_AUTH_FAILED: 4,
  SINK_THROTTLED: 1,
  SINK_SCHEMA_CONFLICT: 1,
  SINK_EVENT_REJECTED: 1,
  SINK_FAILED: 1,
  QUERY_FAILED: 1,
  QUERY_REFUSED: 4,
  PORT_IN_USE: 5,
  TOOL_MISSING: 6,
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/**
 * An error for people: `message` says what happened in one sentence, `fix` names the likely cause and the command or
 * setting that mends it. Neither ever holds a row's values or a secret.
 */
export class TailraceError extends Error {
  readonly code: ErrorCode;
  readonly fix: string;

  constructor(code: ErrorCode, message: string, fix: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'TailraceError';
    this.code = code;
    this.fix = fix;
  }

  get exitCode(): number {
    return ERROR_CODES[this.code];
  }
}

/** An error from a part that knows nothing of codes, but may bring its own `fix` (transforms do), as one with a code. */
export function withCode(code: ErrorCode, thrown: unknown, fix: string): TailraceError {
  if (thrown instanceof TailraceError) return thrown;
  const error = toError(thrown) as Error & { fix?: unknown };
  return new TailraceError(code, error.message, typeof error.fix === 'string' ? error.fix : fix, {
    cause: error,
  });
}

/** Wraps anything thrown as an Error, so that messages can rely on one. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** The error in two lines, as every command prints it to stderr. */
export function formatError(thrown: unknown): string {
  if (thrown instanceof TailraceError)
    return `error ${thrown.code}: ${thrown.message}\n  fix: ${thrown.fix}\n`;
  const error = toError(thrown);
  return `error INTERNAL: ${error.message}\n  fix: this is a defect of Tailrace; please report it with the log.\n`;
}
