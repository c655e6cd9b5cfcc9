import pg, { type ClientConfig } from 'pg';
import { TailraceError, toError } from '../../core/errors.ts';
import { redactUrl } from '../../core/config/redact.ts';

/**
 * Settings that make Postgres' text output exact and the same for every database: value-text.ts relies on them, in the
 * snapshot's queries as in the replication stream.
 */
const SESSION_OPTIONS = [
  'timezone=UTC',
  'datestyle=ISO',
  'intervalstyle=iso_8601',
  'bytea_output=hex',
  'extra_float_digits=3',
  'client_encoding=UTF8',
  // Names of tables, types and functions in values of the reg... types then always have their schema.
  'search_path=',
  'quote_all_identifiers=off',
  // A dollar sign and two decimals, whatever the server's country.
  'lc_monetary=C',
  'array_nulls=on',
  'standard_conforming_strings=on',
  // Rows that a policy hides must be an error, not missing rows.
  'row_security=off',
  'default_transaction_read_only=off',
  'default_transaction_isolation=read\\ committed',
  'lock_timeout=0',
  'idle_session_timeout=0',
  // A watermark must not wait for a synchronous standby: see snapshot.ts.
  'synchronous_commit=local',
  'statement_timeout=0',
  'idle_in_transaction_session_timeout=0',
]
  .map((setting) => `-c ${setting}`)
  .join(' ');

/** Connection settings for the source, for queries and for replication alike. */
export function sourceClientConfig(url: string, applicationName: string): ClientConfig {
  // `pg` would let options in the url replace ours.
  const address = new URL(url);
  const own = address.searchParams.get('options');
  address.searchParams.delete('options');
  return {
    connectionString: address.href,
    application_name: applicationName,
    options: own === null ? SESSION_OPTIONS : `${own} ${SESSION_OPTIONS}`,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    // Values stay text: value-text.ts turns them into exact values.
    types: { getTypeParser: () => (text: string | Buffer) => text },
  };
}

/** A connected client whose rows hold Postgres' own texts. Throws SOURCE_* errors. */
export async function connectSource(url: string, applicationName: string): Promise<pg.Client> {
  const client = new pg.Client(sourceClientConfig(url, applicationName));
  // Without a listener a lost connection would end the process; the next query reports it.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    throw sourceError(error, url);
  }
  return client;
}

/** SQLSTATEs that have their own meaning for an operator. */
const SQLSTATE_ERRORS: Record<
  string,
  {
    code: 'SOURCE_AUTH_FAILED' | 'SOURCE_PERMISSION_DENIED' | 'SOURCE_LIMIT_REACHED' | 'SLOT_IN_USE';
    fix: string;
  }
> = {
  '28P01': { code: 'SOURCE_AUTH_FAILED', fix: 'check user and password in source.url' },
  '28000': {
    code: 'SOURCE_AUTH_FAILED',
    fix: 'check the user in source.url and pg_hba.conf (a line for this host, database and user)',
  },
  '3D000': { code: 'SOURCE_AUTH_FAILED', fix: 'check the database name in source.url' },
  '42501': {
    code: 'SOURCE_PERMISSION_DENIED',
    fix: 'give the role what it lacks: `tailrace setup --print-sql` prints the statements',
  },
  '53300': {
    code: 'SOURCE_LIMIT_REACHED',
    fix: 'raise max_connections or max_wal_senders, or close other clients',
  },
  '53400': {
    code: 'SOURCE_LIMIT_REACHED',
    fix: 'raise max_replication_slots and restart Postgres, or drop an unused slot',
  },
  '55006': {
    code: 'SLOT_IN_USE',
    fix: 'another producer reads this slot; stop it, or let this one wait as a standby',
  },
  // Publication or slot, at the very first start.
  '42710': {
    code: 'SLOT_IN_USE',
    fix: 'another producer of this pipeline was being set up at the same moment; this one waits as a standby',
  },
};

/**
 * SQLSTATE classes of what passes, or of what the next session's checks explain: connection, rollback, resources, operator,
 * a lock or a state of the server, a server that takes no writes.
 */
const PASSING_CLASSES = /^(08|25|40|53|55|57|58)/;
/** Classes whose message can quote a value: data, constraints, and what a function raised. */
const QUOTING_CLASSES = /^(22|23|P0)/;

/** An error of `pg` as ours; errors that are ours already pass. */
export function sourceError(thrown: unknown, url: string): TailraceError {
  if (thrown instanceof TailraceError) return thrown;
  const error = toError(thrown) as Error & { code?: string | undefined };
  const known = SQLSTATE_ERRORS[error.code ?? ''];
  if (known !== undefined) {
    return new TailraceError(known.code, `Postgres at ${redactUrl(url)}: ${error.message}`, known.fix, {
      cause: error,
    });
  }
  if (error instanceof pg.DatabaseError && !PASSING_CLASSES.test(error.code ?? '08'))
    return queryFailed(error, url);
  if (error instanceof TypeError || error instanceof RangeError) {
    return new TailraceError(
      'INTERNAL',
      error.message,
      'this is a defect of Tailrace; please report it with the log',
      {
        cause: error,
      },
    );
  }
  return new TailraceError(
    'SOURCE_UNREACHABLE',
    `Postgres at ${redactUrl(url)} does not answer: ${describe(error)}`,
    'check host and port in source.url, that Postgres runs and that pg_hba.conf lets this host in',
    { cause: error },
  );
}

function queryFailed(error: pg.DatabaseError, url: string): TailraceError {
  const isQuoting = QUOTING_CLASSES.test(error.code ?? '');
  const told = isQuoting ? 'the message is left out, since it can hold a value' : error.message;
  return new TailraceError(
    'SOURCE_QUERY_FAILED',
    `Postgres at ${redactUrl(url)} refused a query with SQLSTATE ${error.code}: ${told}`,
    'the log of Postgres has the query; mend what it names: trying again alone will hardly help',
    isQuoting ? undefined : { cause: error },
  );
}

/** Node gives connection errors to several addresses as one AggregateError without a message. */
function describe(error: Error & { code?: string | undefined; errors?: Error[] }): string {
  return (
    error.message || error.errors?.map((each) => each.message).join('; ') || error.code || 'unknown error'
  );
}
