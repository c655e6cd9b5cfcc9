import { setTimeout as delay } from 'node:timers/promises';
import type { CompareOptions } from './compare-all.ts';
import { comparisonOf, NO_FINDINGS, samplesOf, suspectsOf } from './comparison.ts';
import type { Comparison, Findings } from './comparison.ts';
import { reread } from './reread.ts';
import type { Reading } from './reread.ts';
import type { RowKey } from './row.ts';
import { scanAll } from './scan-all.ts';
import type { StoreScan } from './scan-all.ts';
import { openSession, reasonOf } from './session.ts';
import type { Session } from './session.ts';

export interface SettledOptions extends CompareOptions {
  /** For how long keys that differ are read again, counted from the end of the scan. */
  readonly timeoutMs: number;
}

const PAUSE_MS = 250;

interface Suspect {
  readonly key: RowKey;
  readonly last: Reading | null;
  /** True when the last two readings saw the same difference. */
  readonly isSteady: boolean;
}

/** A table of a store with the keys that have not yet been seen to agree. */
interface OpenCase {
  readonly scanned: StoreScan;
  suspects: readonly Suspect[];
  error: string | null;
}

/**
 * Compares like `compareAll` while a workload is running: keys that differ are read again until they agree or the time is
 * out. A key counts as different only when its last two readings saw the same on both sides; one that kept changing, or for
 * which the time did not suffice, counts as `unsettled`: no difference was proven, and no equality either.
 */
export async function settledEquality(options: SettledOptions): Promise<Comparison[]> {
  const session = await openSession(options);
  try {
    const cases: OpenCase[] = [];
    for await (const scanned of scanAll(session)) cases.push(openCase(scanned));
    const deadline = performance.now() + options.timeoutMs;
    while (cases.some(isPending) && performance.now() < deadline) {
      for (const open of cases.filter(isPending)) await readAgain(session, open, deadline);
      if (cases.some(isPending)) await delay(Math.min(PAUSE_MS, Math.max(0, deadline - performance.now())));
    }
    return cases.map((open) => close(open, options.showValues ?? false));
  } finally {
    await session.close();
  }
}

function openCase(scanned: StoreScan): OpenCase {
  const keys = scanned.scan === null ? [] : suspectsOf(scanned.scan);
  return {
    scanned,
    suspects: keys.map((key) => ({ key, last: null, isSteady: false })),
    error: scanned.error,
  };
}

function isPending(open: OpenCase): boolean {
  return open.error === null && open.suspects.length > 0;
}

/** One reading of every suspect; those after the deadline keep what is known of them. */
async function readAgain(session: Session, open: OpenCase, deadline: number): Promise<void> {
  const { store, table } = open.scanned;
  const keys = open.suspects.map((suspect) => suspect.key);
  const remaining: Suspect[] = [];
  let done = 0;
  try {
    for await (const reading of reread(session.postgres, store.reader(), table, keys)) {
      const suspect = open.suspects[done];
      done += 1;
      if (suspect !== undefined && reading.verdict !== 'equal') remaining.push(next(suspect, reading));
      if (performance.now() > deadline) break;
    }
  } catch (error) {
    open.error = reasonOf(error);
  }
  open.suspects = [...remaining, ...open.suspects.slice(done)];
}

function next(suspect: Suspect, reading: Reading): Suspect {
  const key = suspect.key.texts.length > 0 ? suspect.key : (reading.postgres?.key ?? suspect.key);
  return { key, last: reading, isSteady: suspect.last?.state === reading.state };
}

function close(open: OpenCase, showValues: boolean): Comparison {
  if (open.error !== null) return comparisonOf(open.scanned, NO_FINDINGS, open.error);
  const steady = open.suspects.flatMap(({ last, isSteady }) => (isSteady && last !== null ? [last] : []));
  const findings: Findings = {
    missing: steady.filter((reading) => reading.verdict === 'missing').length,
    extra: steady.filter((reading) => reading.verdict === 'extra').length,
    differing: steady.filter((reading) => reading.verdict === 'differing').length,
    unsettled: open.suspects.length - steady.length,
    samples: samplesOf(open.scanned.table, steady, showValues),
  };
  return comparisonOf(open.scanned, findings, null);
}
