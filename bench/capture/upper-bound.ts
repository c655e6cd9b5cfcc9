import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PostgresClient } from '../postgres-client.ts';
import type { Source } from '../source.ts';

const POLL_MS = 20;

/**
 * Seconds that Postgres' own pg_recvlogical needs to read the slot up to `endLsn` into /dev/null: pgoutput in text,
 * protocol 1. The clock starts when the server gets START_REPLICATION.
 */
export async function readSlotSeconds(
  client: PostgresClient,
  source: Source,
  options: { slot: string; publication: string; endLsn: string },
): Promise<number> {
  const { slot, publication, endLsn } = options;
  const start = ['--slot', slot, '--start', '--no-loop', '--endpos', endLsn, '--file', '/dev/null'];
  const { pathname } = new URL(source.url);
  const output = [
    '--dbname',
    pathname.slice(1),
    '--option',
    'proto_version=1',
    '--option',
    `publication_names=${publication}`,
  ];
  const run = timed(client.pgRecvlogical, [...start, ...output], client, source.url);
  // Both at once: where the program fails, nobody may be waiting for it yet.
  const [startedAtMs, ended] = await Promise.all([streamingSince(source, slot, run), run.ended]);
  // A small trial may be over before anybody has looked.
  return (ended.endedAtMs - (startedAtMs ?? ended.startedAtMs)) / 1000;
}

async function streamingSince(source: Source, slot: string, run: TimedRun): Promise<number | undefined> {
  while (!run.hasEnded()) {
    const walsender = await source.walsenderOf(slot);
    if (walsender !== undefined) return walsender.startedAtMs;
    await sleep(POLL_MS);
  }
  return undefined;
}

/** Seconds that psql needs to COPY the whole table to /dev/null. */
export async function copyTableSeconds(
  client: PostgresClient,
  source: Source,
  table: string,
): Promise<number> {
  const command = `COPY (SELECT * FROM ${table}) TO STDOUT`;
  const args = ['--no-psqlrc', '--quiet', '--output', '/dev/null', '--command', command];
  const { startedAtMs, endedAtMs } = await timed(client.psql, args, client, source.url).ended;
  return (endedAtMs - startedAtMs) / 1000;
}

interface TimedRun {
  hasEnded(): boolean;
  /** Rejects with what the program wrote to stderr when it fails. */
  readonly ended: Promise<{ startedAtMs: number; endedAtMs: number }>;
}

function timed(file: string, args: readonly string[], client: PostgresClient, url: string): TimedRun {
  const { hostname, port, username, password, pathname } = new URL(url);
  const startedAtMs = Date.now();
  const child = spawn(file, args, {
    // In the environment, since everybody may read the arguments of a process.
    env: {
      ...process.env,
      ...client.env,
      PGHOST: hostname,
      PGPORT: port,
      PGUSER: decodeURIComponent(username),
      PGPASSWORD: decodeURIComponent(password),
      PGDATABASE: pathname.slice(1),
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  let hasEnded = false;
  const ended = new Promise<{ startedAtMs: number; endedAtMs: number }>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      hasEnded = true;
      const endedAtMs = Date.now();
      if (code === 0) resolve({ startedAtMs, endedAtMs });
      else reject(new Error(`${file} ended with exit code ${code}: ${complaint.trim()}`));
    });
  });
  return { hasEnded: () => hasEnded, ended };
}
