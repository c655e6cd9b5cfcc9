// What the example containers of docker-compose.yml run:
//   example.ts load [--scale N]                               fills an empty database, once
//   example.ts workload [--rate N] [--progress-file PATH]     changes rows until it is told to stop
// It reads DATABASE_URL.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Example } from './example.ts';
import { connect } from './postgres-connection.ts';
import { example } from './pursuit/example.ts';

const USAGE = 'usage: example.ts load [--scale N] | workload [--rate N] [--progress-file PATH]';

async function main(): Promise<number> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      scale: { type: 'string', default: '0.01' },
      rate: { type: 'string', default: '50' },
      'progress-file': { type: 'string' },
    },
  });
  const url = process.env.DATABASE_URL;
  if (url === undefined)
    return fail(2, 'DATABASE_URL is not set. Set it to the URL of the example database.');
  const [action, ...rest] = positionals;
  if (rest.length === 0 && action === 'load') return load(example, url, Number(values.scale));
  if (rest.length === 0 && action === 'workload')
    return work(example, url, Number(values.rate), values['progress-file']);
  return fail(2, USAGE);
}

/** Loading twice is no error, so that the stack can be started again on the data that it has. */
async function load(source: Example, url: string, scale: number): Promise<number> {
  if (await isLoaded(source, url)) {
    say(`${source.name} is loaded already`);
    return 0;
  }
  const counts = await source.load({ url, scale });
  for (const [table, rows] of Object.entries(counts)) say(`${table}: ${rows} rows`);
  return 0;
}

/** The load is one transaction, so one table is proof of all. */
async function isLoaded({ tables: [table] }: Example, url: string): Promise<boolean> {
  const connection = await connect(url);
  try {
    const { rows } = await connection.client.query('SELECT to_regclass($1) IS NOT NULL AS found', [table]);
    return rows[0]?.found === true;
  } finally {
    await connection.close();
  }
}

/** Each start takes another seed: the same one would make the rows of the last run again. */
async function work(
  source: Example,
  url: string,
  rate: number,
  progressFile: string | undefined,
): Promise<number> {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  say(`changing ${rate} rows per second of ${source.name}`);
  const totals = await source.workload({
    url,
    rate,
    seed: Math.floor(Date.now() / 1000),
    signal: stop.signal,
    onProgress: () => {
      // The health check of the container looks at the age of this file.
      if (progressFile !== undefined) writeFileSync(progressFile, '');
    },
  });
  say(`stopped after ${totals.committedTransactions} transactions`);
  return 0;
}

function say(line: string): void {
  process.stderr.write(`example: ${line}\n`);
}

function fail(code: number, line: string): number {
  say(line);
  return code;
}

process.exitCode = await main();
