import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { redactUrl } from '../../../core/config/redact.ts';
import { TailraceError } from '../../../core/errors.ts';
import { connectSource } from '../connection.ts';
import { quoteIdentifier } from '../quote.ts';

const APPLICATION = 'tailrace plan';
/** A database of this name is ours, and says when it was made: `tailrace_plan_<seconds since 1970>_<random>`. */
const PREFIX = 'tailrace_plan_';
/** Between the making of the database and the first session in it; then the session shows that it is in use. */
const GRACE_SECONDS = 60;
const LACKS_RIGHT = '42501';

/** An empty database for the length of a plan; disposing of it drops it. */
export interface ScratchDatabase extends AsyncDisposable {
  readonly name: string;
  readonly client: pg.Client;
}

/**
 * Makes a database on the server of `url`, sorted and encoded like the one of `like`, after those that earlier runs left
 * behind when they were killed have been dropped. When the signal aborts, whatever runs in it fails.
 */
export async function openScratchDatabase(
  url: string,
  like: pg.Client,
  signal: AbortSignal,
): Promise<ScratchDatabase> {
  await using opening = new AsyncDisposableStack();
  const server = await connectSource(url, APPLICATION);
  opening.defer(() => server.end().catch(() => undefined));
  await dropLeftovers(server);
  const name = `${PREFIX}${Math.floor(Date.now() / 1000)}_${randomBytes(4).toString('hex')}`;
  await create(server, url, name, await localeOf(like));
  opening.defer(async () => {
    await server.query(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`);
  });
  const address = new URL(url);
  address.pathname = `/${name}`;
  const client = await connectSource(address.href, APPLICATION);
  opening.defer(() => client.end().catch(() => undefined));
  const end = () => void client.end().catch(() => undefined);
  signal.addEventListener('abort', end, { once: true });
  opening.defer(() => signal.removeEventListener('abort', end));
  if (signal.aborted) end();
  const opened = opening.move();
  return { name, client, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** Databases of plans that were killed: older than a plan needs to connect, and without a session. */
async function dropLeftovers(server: pg.Client): Promise<void> {
  const { rows } = await server.query<{ name: string }>(
    `SELECT datname AS name FROM pg_database d
      WHERE datname ~ '^${PREFIX}[0-9]{1,12}_[0-9a-f]{8}$' AND pg_has_role(datdba, 'USAGE')
        AND split_part(datname, '_', 3)::bigint < extract(epoch FROM now()) - ${GRACE_SECONDS}
        AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datname = d.datname)`,
  );
  // Without FORCE: somebody may have come meanwhile, and the next plan tries again.
  for (const { name } of rows)
    await server.query(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)}`).catch(refusedOnly);
}

function refusedOnly(error: unknown): void {
  if (!(error instanceof pg.DatabaseError)) throw error;
}

/** The options of CREATE DATABASE that texts are compared by. */
async function localeOf(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ row: string }>(
    'SELECT row_to_json(d) AS row FROM pg_database d WHERE datname = current_database()',
  );
  const found = JSON.parse(rows[0]?.row ?? '{}') as Record<string, string | number | null>;
  const text = (name: string) => pg.escapeLiteral(String(found[name] ?? ''));
  const { rows: encodings } = await client.query<{ name: string }>(
    'SELECT pg_encoding_to_char($1::int) AS name',
    [found['encoding']],
  );
  // The columns for other providers than libc came with Postgres 15, and got another name in 17.
  const locale = pg.escapeLiteral(String(found['datlocale'] ?? found['daticulocale'] ?? ''));
  const providers: Readonly<Record<string, string>> = {
    i: ` LOCALE_PROVIDER icu ICU_LOCALE ${locale}`,
    b: ` LOCALE_PROVIDER builtin BUILTIN_LOCALE ${locale}`,
  };
  const provider = providers[String(found['datlocprovider'])] ?? '';
  return `ENCODING ${pg.escapeLiteral(encodings[0]?.name ?? 'UTF8')} LC_COLLATE ${text('datcollate')} LC_CTYPE ${text('datctype')}${provider}`;
}

async function create(server: pg.Client, url: string, name: string, locale: string): Promise<void> {
  try {
    await server.query(`CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0 ${locale}`);
  } catch (cause) {
    if (!(cause instanceof pg.DatabaseError)) throw cause;
    const message = `a scratch database cannot be made at ${redactUrl(url)}: ${cause.message}`;
    throw cause.code === LACKS_RIGHT
      ? new TailraceError(
          'SOURCE_PERMISSION_DENIED',
          message,
          'name another server with --scratch postgres://..., such as one in a container; or let the role: ALTER ROLE ... CREATEDB',
          { cause },
        )
      : new TailraceError(
          'SCRATCH_FAILED',
          message,
          'name another server of the same version with --scratch postgres://...',
          { cause },
        );
  }
}
