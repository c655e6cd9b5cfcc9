import { pause } from '../pause.ts';
import { compareAll } from '../equality/compare-all.ts';
import { report } from '../equality/report.ts';
import type { DemoRun } from './run.ts';
import { untilCaughtUp } from './caught-up.ts';
import { sidesOf } from './stores.ts';
import { readFigures } from './workers.ts';

const CATCH_UP_LIMIT_MS = 240_000;
const PROGRESS_INTERVAL_MS = 10_000;

/** Load, live workload, catch up, compare, report: exit code 0 only if every table of every store equals Postgres. */
export async function runOnce(run: DemoRun): Promise<number> {
  const { options, example, loaded, signal, say } = run;
  const failed = Promise.race(
    [run.producer, ...run.sinks.values()].map(async (worker) => {
      const code = await worker.exited;
      throw new Error(
        `${worker.name} ended with exit code ${code} before the run was over; see ${worker.log}`,
      );
    }),
  );
  const peaks = watchRates(run);
  const times = { workload: 0, caughtUp: 0 };
  const main = async () => {
    const workloadEnd = new AbortController();
    const ending = AbortSignal.any([signal, workloadEnd.signal]);
    say(
      `live workload: ${options.rate} row changes a second for ${options.seconds} s, while the snapshot is read`,
    );
    const began = Date.now();
    const workload = example.workload({ url: loaded.config.source.url, rate: options.rate, signal: ending });
    await Promise.race([pause(options.seconds * 1000, signal), workload]);
    workloadEnd.abort();
    const totals = await workload;
    signal.throwIfAborted();
    times.workload = (Date.now() - began) / 1000;
    say('catching up');
    let toldAt = Date.now();
    await untilCaughtUp(loaded, {
      timeoutMs: CATCH_UP_LIMIT_MS,
      signal,
      onWait: (message) => {
        if (Date.now() - toldAt < PROGRESS_INTERVAL_MS) return;
        toldAt = Date.now();
        say(message);
      },
    });
    times.caughtUp = (Date.now() - run.startedAt) / 1000;
    return totals;
  };
  const totals = await Promise.race([main(), failed]);
  const rates = peaks();
  say('comparing every column of every row');
  const comparisons = await compareAll(sidesOf(run));
  const changes = Object.values(totals.changes).reduce(
    (sum, each) => sum + each.insert + each.update + each.delete,
    0,
  );
  const isEqual = comparisons.length > 0 && comparisons.every(({ equal }) => equal);
  const tables = new Set(comparisons.map(({ table }) => table)).size;
  process.stdout.write(
    `${report(comparisons)}\n` +
      `live workload: ${changes} row changes in ${totals.committedTransactions} transactions\n` +
      [...rates]
        .map(([name, rate]) => `${name}: peak ${Math.round(rate).toLocaleString('en-US')} events/s\n`)
        .join('') +
      `times: caught up ${times.caughtUp.toFixed(0)} s after the start, all done after ${((Date.now() - run.startedAt) / 1000).toFixed(0)} s\n` +
      `${isEqual ? 'EQUAL' : 'NOT EQUAL'}: ${tables} tables x ${run.sinks.size} stores, ` +
      `${comparisons.filter(({ equal }) => equal).length} of ${comparisons.length} comparisons equal\n`,
  );
  if (isEqual) return 0;
  return comparisons.some(({ missing, extra, differing }) => missing + extra + differing > 0) ? 8 : 1;
}

/** Samples each sink's rate until the returned function is called, which gives the highest of each. */
function watchRates({ sinks }: DemoRun): () => Map<string, number> {
  const peaks = new Map<string, number>();
  const timer = setInterval(() => {
    for (const [name, worker] of sinks) {
      void readFigures(worker).then((figures) => {
        if (figures !== null) peaks.set(name, Math.max(peaks.get(name) ?? 0, figures.ratePerSecond));
      });
    }
  }, 1_000);
  return () => {
    clearInterval(timer);
    return peaks;
  };
}
