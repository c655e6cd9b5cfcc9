import { comparisonOf, MAX_SAMPLES, NO_FINDINGS, samplesOf, suspectsOf } from './comparison.ts';
import type { Comparison } from './comparison.ts';
import { reread } from './reread.ts';
import type { Reading } from './reread.ts';
import { scanAll } from './scan-all.ts';
import type { StoreScan } from './scan-all.ts';
import { openSession, reasonOf } from './session.ts';
import type { Session, Sides } from './session.ts';

export interface CompareOptions extends Sides {
  /** Let samples show the values of differing columns; only for data that the reader of the report may see. */
  readonly showValues?: boolean;
}

/**
 * Reads both sides whole and compares every column of every row: one result for each table and store. For data at rest;
 * under a running workload use `settledEquality`. A store that cannot be read gives results with an `error`; throws when
 * Postgres cannot be read or lacks a table.
 */
export async function compareAll(options: CompareOptions): Promise<Comparison[]> {
  const session = await openSession(options);
  try {
    const comparisons: Comparison[] = [];
    for await (const scanned of scanAll(session)) {
      comparisons.push(await judge(session, scanned, options.showValues ?? false));
    }
    return comparisons;
  } finally {
    await session.close();
  }
}

async function judge(session: Session, scanned: StoreScan, showValues: boolean): Promise<Comparison> {
  const { scan } = scanned;
  if (scan === null) return comparisonOf(scanned, NO_FINDINGS, scanned.error);
  const findings = {
    missing: scan.missing.length,
    extra: scan.extra.length,
    differing: scan.differing.length,
    unsettled: 0,
  };
  try {
    return comparisonOf(scanned, { ...findings, samples: await sample(session, scanned, showValues) }, null);
  } catch (error) {
    return comparisonOf(scanned, { ...findings, samples: [] }, reasonOf(error));
  }
}

async function sample(session: Session, scanned: StoreScan, showValues: boolean): Promise<string[]> {
  const { scan, store, table } = scanned;
  const keys = scan === null ? [] : suspectsOf(scan).slice(0, MAX_SAMPLES);
  if (keys.length === 0) return [];
  const readings: Reading[] = [];
  for await (const reading of reread(session.postgres, store.reader(), table, keys)) readings.push(reading);
  return samplesOf(table, readings, showValues);
}
