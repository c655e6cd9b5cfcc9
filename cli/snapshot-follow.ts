import { setTimeout as delay } from 'node:timers/promises';
import type { Kafka } from 'kafkajs';
import { patiently } from '../core/control.ts';
import { isOver } from '../producers/postgres/snapshot/snapshot-progress.ts';
import { readAll, type Snapshots, type TableSnapshot } from './snapshot-status.ts';
import { formatNumber, formatSeconds } from './table.ts';

const POLL_MS = 1_000;
const LINE_INTERVAL_MS = 10_000;
const BAR_WIDTH = 24;

/** What became of one request; the form of `tailrace snapshot --json`. */
interface Outcome {
  readonly table: string;
  readonly id: string;
  readonly state: 'done' | 'failed';
  readonly rows: number;
  readonly failure: string | null;
}

/**
 * Shows how the requests go on until all are over: a bar on a terminal, else a line each 10 s, on stderr. Returns the
 * exit code: 0, 1 when one failed, 130 after Ctrl-C.
 */
export async function follow(
  kafka: Kafka,
  pipeline: string,
  asked: readonly { table: string; id: string }[],
  json: boolean,
): Promise<number> {
  const interrupted = new AbortController();
  const onSignal = () => interrupted.abort();
  process.once('SIGINT', onSignal);
  const startedAt = Date.now();
  const show = progressLine();
  const look = patiently(() => readAll(kafka, pipeline));
  try {
    for (;;) {
      const seen = await look();
      if (interrupted.signal.aborted) break;
      if (seen !== undefined) {
        const left = asked.filter(({ table, id }) => !isOver(seen.progress.get(table), id));
        if (left.length === 0) {
          show.end();
          return report(asked, seen.snapshots, startedAt, json);
        }
        show.update(sentence(seen.snapshots, left[0]?.table ?? '', left.length));
      }
      await delay(POLL_MS, undefined, { signal: interrupted.signal }).catch(() => undefined);
    }
  } finally {
    process.removeListener('SIGINT', onSignal);
  }
  show.end();
  process.stderr.write('no longer watching; the snapshot goes on: tailrace snapshot --status shows it\n');
  return 130;
}

function report(
  asked: readonly { table: string; id: string }[],
  { tables }: Snapshots,
  startedAt: number,
  json: boolean,
): number {
  const outcomes = asked.map(({ table, id }): Outcome => {
    const found = tables.find((each) => each.table === table);
    const failure = found?.failure ?? null;
    return { table, id, state: failure === null ? 'done' : 'failed', rows: found?.rows ?? 0, failure };
  });
  const seconds = (Date.now() - startedAt) / 1000;
  if (json) process.stdout.write(`${JSON.stringify({ seconds, tables: outcomes })}\n`);
  else for (const outcome of outcomes) process.stdout.write(outcomeLine(outcome));
  return outcomes.some(({ state }) => state === 'failed') ? 1 : 0;
}

function outcomeLine({ table, rows, failure }: Outcome): string {
  return failure === null
    ? `${table}: ${formatNumber(rows)} rows read\n`
    : `${table}: failed after ${formatNumber(rows)} rows: Postgres ended the query with SQLSTATE ${failure}, so the condition fails on some row\n`;
}

function sentence(snapshots: Snapshots, table: string, left: number): string {
  if (!snapshots.producerAlive) return 'the producer does not run: the tables are read as soon as it does';
  const current = snapshots.tables.find((each) => each.table === table);
  const more = left > 1 ? `, ${left - 1} more to come` : '';
  if (current === undefined || current.state !== 'reading')
    return `${table}: waits for its turn${snapshots.paused ? '; the snapshot is paused' : ''}${more}`;
  return `${progressBar(current)}${snapshots.paused ? ', paused' : ''}${more}`;
}

/** `public.t [#####-----] 1,000 of about 2,000 rows, 500/s, 2 s left`. */
export function progressBar({ table, rows, estimate, rowsPerSecond, secondsLeft }: TableSnapshot): string {
  const ratio = estimate === null || estimate === 0 ? null : Math.min(1, rows / estimate);
  const full = ratio === null ? 0 : Math.round(ratio * BAR_WIDTH);
  const bar = ratio === null ? '' : ` [${'#'.repeat(full)}${'-'.repeat(BAR_WIDTH - full)}]`;
  const of = estimate === null ? '' : ` of about ${formatNumber(Math.max(estimate, rows))}`;
  const rate = rowsPerSecond === null ? '' : `, ${formatNumber(rowsPerSecond)}/s`;
  const time = secondsLeft === null ? '' : `, ${formatSeconds(secondsLeft)} left`;
  return `${table}${bar} ${formatNumber(rows)}${of} rows${rate}${time}`;
}

/** One line that is written over again on a terminal; elsewhere a new line each 10 s. */
function progressLine(): { update(text: string): void; end(): void } {
  const { stderr } = process;
  let writtenAt = 0;
  let isOpen = false;
  return {
    update: (text) => {
      if (stderr.isTTY) {
        stderr.write(`\r\u001b[2K${text.slice(0, Math.max(20, stderr.columns - 1))}`);
        isOpen = true;
      } else if (Date.now() - writtenAt >= LINE_INTERVAL_MS) {
        writtenAt = Date.now();
        stderr.write(`${text}\n`);
      }
    },
    end: () => {
      if (isOpen) stderr.write('\n');
      isOpen = false;
    },
  };
}
