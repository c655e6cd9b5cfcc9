import pg from 'pg';
import { cellOfInteger, type Cell } from '../../core/cell.ts';
import { queryFailed, queryRefused, type Answer, type Question } from '../../core/query.ts';
import { sourceError } from './connection.ts';

/** OIDs of the types that are not shown as Postgres' own text. */
const BOOL = 16;
const INTEGERS = [20, 21, 23, 26];
const FLOATS = [700, 701];
const JSONS = [114, 3802];

const READ_ONLY_TRANSACTION = '25006';

/**
 * Runs one statement on the source, with the settings that the role and the url give, as psql would. Without `write` it is
 * in a read-only transaction. Throws QUERY_FAILED, QUERY_REFUSED, SOURCE_UNREACHABLE and SOURCE_AUTH_FAILED.
 */
export async function querySource(url: string, question: Question): Promise<Answer> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'tailrace query',
    connectionTimeoutMillis: 10_000,
    statement_timeout: question.timeoutMs,
    // Values stay text: what becomes of them is said below.
    types: { getTypeParser: () => (text: string | Buffer) => text },
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await answered(client, url, question);
  } catch (error) {
    throw told(error, url);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function answered(client: pg.Client, url: string, question: Question): Promise<Answer> {
  // Statements that refuse a transaction, such as VACUUM, write.
  if (!question.write) await client.query('BEGIN READ ONLY');
  // Behind its first query a transaction can no longer be turned into one that writes.
  const { rows } = await client.query<{ pid: string }>('SELECT pg_backend_pid() AS pid');
  const cancel = () => void cancelBackend(url, rows[0]?.pid);
  question.signal.addEventListener('abort', cancel, { once: true });
  try {
    question.signal.throwIfAborted();
    return await run(client, question, cancel);
  } finally {
    question.signal.removeEventListener('abort', cancel);
  }
}

/** Rows beyond the limit are dropped; a statement that only reads is cancelled there. */
function run(client: pg.Client, { text, write, maxRows }: Question, cancel: () => void): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const rows: Cell[][] = [];
    let truncated = false;
    let types: number[] = [];
    let columns: string[] = [];
    // The extended protocol takes one statement alone, so that none can end our transaction and go on.
    const query = new pg.Query<string[]>({ text, rowMode: 'array', queryMode: 'extended' } as pg.QueryConfig);
    query.on('row', (row, result) => {
      if (truncated) return;
      if (rows.length === 0) {
        types = result?.fields.map(({ dataTypeID }) => dataTypeID) ?? [];
        columns = result?.fields.map(({ name }) => name) ?? [];
      }
      if (rows.length < maxRows) rows.push(row.map((value, index) => cellOf(value, types[index])));
      else {
        truncated = true;
        if (!write) cancel();
      }
    });
    query.on('error', (error) => (truncated ? resolve({ columns, rows, truncated }) : reject(error)));
    query.on('end', ({ fields }) => resolve({ columns: fields.map(({ name }) => name), rows, truncated }));
    client.query(query);
  });
}

/** A text of Postgres as a cell. Floats have all their digits (extra_float_digits is 1 or more since Postgres 12). */
function cellOf(text: string | null, type = 0): Cell {
  if (text === null) return null;
  if (type === BOOL) return text === 't';
  if (INTEGERS.includes(type)) return cellOfInteger(BigInt(text));
  if (FLOATS.includes(type)) return Number(text);
  return JSONS.includes(type) ? { json: text } : text;
}

/** From a connection of its own; where that fails, `statement_timeout` ends the query. */
async function cancelBackend(url: string, pid: string | undefined): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT pg_cancel_backend($1)', [pid]);
  } catch {
    // Nothing more can be done.
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Classes of SQLSTATE that are of the server or the connection and not of the statement; its own words cover the rest. */
const OF_CONNECTION = /^(08|28|3D|53|57P|58)/;

function told(error: unknown, url: string): unknown {
  if (!(error instanceof pg.DatabaseError) || OF_CONNECTION.test(error.code ?? ''))
    return sourceError(error, url);
  if (error.code === READ_ONLY_TRANSACTION) return queryRefused(`Postgres: ${error.message}`);
  const place = error.position === undefined ? '' : ` (at character ${error.position})`;
  const hint = error.hint === undefined ? '' : `; ${error.hint}`;
  return queryFailed('Postgres', new Error(`${error.message}${place}${hint}`, { cause: error }));
}
