import { compareCounts, type CountComparison } from '../equality/compare-counts.ts';
import { settledEquality } from '../equality/settled-equality.ts';
import type { Sides } from '../equality/session.ts';
import { pause } from '../pause.ts';
import type { DemoRun } from './run.ts';
import { renderLive, type Judgement } from './live-table.ts';
import { sidesOf } from './stores.ts';
import { readFigures } from './workers.ts';

const REFRESH_MS = 1_000;
const PROGRESS_INTERVAL_MS = 10_000;
const COUNT_INTERVAL_MS = 3_000;
const COUNT_TIMEOUT_MS = 5_000;
const COMPARE_INTERVAL_MS = 10_000;
/** A store that is further behind is not compared. */
const COMPARED_LAG_SECONDS = 5;
const COMPARED_MISSING_ROWS = 1_000;
/** How long a row that differs may take to settle: it may be on its way. */
const SETTLE_MS = 10_000;

/** Shows the pipeline at work until Ctrl-C. */
export async function runLive(run: DemoRun): Promise<number> {
  const { options, example, loaded, signal, say } = run;
  let changes = 0;
  const workload = example.workload({
    url: loaded.config.source.url,
    rate: options.rate,
    signal,
    onProgress: (totals) => {
      changes = Object.values(totals.changes).reduce(
        (sum, each) => sum + each.insert + each.update + each.delete,
        0,
      );
    },
  });
  const seen: { counts: CountComparison[]; judgements: Map<string, Judgement> } = {
    counts: [],
    judgements: new Map(),
  };
  const sides = sidesOf(run);
  const counting = repeat(signal, COUNT_INTERVAL_MS, async () => {
    seen.counts = await compareCounts({ ...sides, answerTimeoutMs: COUNT_TIMEOUT_MS });
  });
  const judging = repeat(signal, COMPARE_INTERVAL_MS, async () => {
    const stores = await storesCaughtUp(run, sides.stores, seen.counts);
    if (Object.keys(stores).length === 0) return;
    const comparisons = await settledEquality({ ...sides, stores, timeoutMs: SETTLE_MS });
    for (const name of Object.keys(stores)) {
      const own = comparisons.filter(({ store }) => store === name);
      seen.judgements.set(name, { at: new Date(), comparisons: own });
    }
  });
  const isTerminal = process.stdout.isTTY;
  while (!signal.aborted) {
    const stores = await Promise.all(
      [...run.sinks].map(async ([name, worker]) => ({
        name,
        type: loaded.config.sinks[name]?.type ?? '',
        figures: await readFigures(worker),
      })),
    );
    const addresses = [run.producer, ...run.sinks.values()]
      .map(({ name, url }) => `${name} ${url ?? '-'}`)
      .join('  ');
    process.stdout.write(
      `${isTerminal ? '\u001b[2J\u001b[H' : ''}${renderLive(stores, seen.counts, seen.judgements, changes)}\n` +
        `/status and /metrics: ${addresses}\n` +
        `Postgres, to try a change of your own: ${loaded.config.source.url}\n` +
        `${isTerminal ? 'Ctrl-C stops everything.\n' : '\n'}`,
    );
    await pause(isTerminal ? REFRESH_MS : PROGRESS_INTERVAL_MS, signal);
  }
  const results = await Promise.allSettled([workload, counting, judging]);
  for (const result of results) if (result.status === 'rejected') say(String(result.reason));
  return 130;
}

/** A store that is still far behind (or has not yet looked) differs anyway, and reading it whole would only slow it down. */
async function storesCaughtUp(
  { sinks }: DemoRun,
  stores: Sides['stores'],
  counts: readonly CountComparison[],
): Promise<Sides['stores']> {
  const caughtUp: string[] = [];
  for (const [name, worker] of sinks) {
    const figures = await readFigures(worker);
    const own = counts.filter(({ store }) => store === name);
    const missing = own.reduce(
      (sum, { postgresRows, storeRows }) => sum + Math.max(0, postgresRows - (storeRows ?? 0)),
      0,
    );
    const isNear = figures !== null && figures.lagSeconds < COMPARED_LAG_SECONDS && own.length > 0;
    if (isNear && missing <= COMPARED_MISSING_ROWS) caughtUp.push(name);
  }
  return Object.fromEntries(Object.entries(stores).filter(([name]) => caughtUp.includes(name)));
}

/** Does it again and again; a failure (a server was stopped) is tried again at the next turn. */
async function repeat(signal: AbortSignal, intervalMs: number, action: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await action().catch(() => undefined);
    await pause(intervalMs, signal);
  }
}
