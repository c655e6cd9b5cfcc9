import { parseArgs } from 'node:util';
import { compareAll } from './compare-all.ts';
import type { Comparison } from './comparison.ts';
import { STORE_TYPES } from './reader.ts';
import { report } from './report.ts';
import { reasonOf } from './session.ts';
import type { StoreAddress } from './session.ts';

const USAGE = `usage: node examples/equality/compare.ts --tables schema.table,... [--show-values]

Compares every row and column of the tables in Postgres with each store.
Reads DATABASE_URL, and those present of ELASTICSEARCH_URL, CLICKHOUSE_URL, MONGODB_URL, REDIS_URL and NEO4J_URL.
--show-values  show the values of differing columns
exit codes: 0 all equal, 1 Postgres or a store could not be read, 2 wrong usage, 8 a difference was found
`;

// A driver that waits for a dead server would keep the process alive.
process.exit(await main());

async function main(): Promise<number> {
  const request = readRequest();
  if (typeof request === 'string') {
    process.stderr.write(`${request}\n\n${USAGE}`);
    return 2;
  }
  try {
    const comparisons = await compareAll(request);
    process.stdout.write(report(comparisons));
    return exitCode(comparisons);
  } catch (error) {
    process.stderr.write(`Postgres could not be read: ${reasonOf(error)}\n`);
    return 1;
  }
}

/** The options and addresses, or a sentence that says what is missing. */
function readRequest(): Parameters<typeof compareAll>[0] | string {
  const options = { tables: { type: 'string' }, 'show-values': { type: 'boolean', default: false } } as const;
  try {
    const { values } = parseArgs({ options });
    const tables = (values.tables ?? '').split(',').filter((table) => table !== '');
    const postgresUrl = process.env['DATABASE_URL'] ?? '';
    const stores = storesOfEnvironment();
    if (tables.length === 0) return 'Name the tables to compare: --tables public.contacts,public.places';
    if (postgresUrl === '') return 'DATABASE_URL is not set: it says where Postgres is.';
    if (Object.keys(stores).length === 0) return 'No store to compare: set REDIS_URL or another of the five.';
    return { postgresUrl, tables, stores, showValues: values['show-values'] };
  } catch (error) {
    return reasonOf(error);
  }
}

function storesOfEnvironment(): Record<string, StoreAddress> {
  const present = STORE_TYPES.flatMap((type) => {
    const url = process.env[`${type.toUpperCase()}_URL`] ?? '';
    return url === '' ? [] : [[type, { type, url }] as const];
  });
  return Object.fromEntries(present);
}

/** A difference that was found outranks a store that could not be read. */
function exitCode(comparisons: readonly Comparison[]): number {
  const isDifferent = comparisons.some(({ error, equal }) => error === null && !equal);
  if (isDifferent) return 8;
  return comparisons.every(({ equal }) => equal) ? 0 : 1;
}
