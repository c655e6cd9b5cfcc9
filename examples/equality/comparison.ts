import type { Reading } from './reread.ts';
import { describeReading } from './reread.ts';
import type { Scan } from './scan.ts';
import type { StoreScan } from './scan-all.ts';
import { qualifiedName } from './table.ts';
import type { Table } from './table.ts';

/** One table of one store beside Postgres. */
export interface Comparison {
  /** The sink's name. */
  readonly store: string;
  readonly type: string;
  /** `schema.table`. */
  readonly table: string;
  readonly postgresRows: number;
  /** Null when the store could not be read. */
  readonly storeRows: number | null;
  /** Rows that only Postgres has. */
  readonly missing: number;
  /** Rows that only the store has, or has more than once. */
  readonly extra: number;
  /** Rows of one key that are not the same. */
  readonly differing: number;
  /** Keys that kept changing, so that nothing can be said of them; always 0 from `compareAll`. */
  readonly unsettled: number;
  /** True only when the store was read whole and every row was seen to be equal. */
  readonly equal: boolean;
  /** Up to five differences, each with its key and columns. */
  readonly samples: readonly string[];
  readonly seconds: number;
  /** Why the store could not be read; null when it could. */
  readonly error: string | null;
}

export const MAX_SAMPLES = 5;

export interface Findings {
  readonly missing: number;
  readonly extra: number;
  readonly differing: number;
  readonly unsettled: number;
  readonly samples: readonly string[];
}

export const NO_FINDINGS: Findings = { missing: 0, extra: 0, differing: 0, unsettled: 0, samples: [] };

export function comparisonOf(scanned: StoreScan, findings: Findings, error: string | null): Comparison {
  const { missing, extra, differing, unsettled } = findings;
  return {
    store: scanned.store.name,
    type: scanned.store.type,
    table: qualifiedName(scanned.table),
    postgresRows: scanned.postgresRows,
    storeRows: scanned.scan?.storeRows ?? null,
    ...findings,
    equal: error === null && missing + extra + differing + unsettled === 0,
    seconds: scanned.seconds,
    error,
  };
}

/** The keys of a scan's differences, kinds mixed, so that the first few show some of each. */
export function suspectsOf(scan: Scan): { id: string; texts: readonly string[] }[] {
  const missing = scan.missing.map((id) => ({ id, texts: [] }));
  const kinds = [scan.differing, missing, scan.extra];
  const longest = Math.max(...kinds.map((kind) => kind.length));
  return Array.from({ length: longest }, (_unused, at) => kinds.flatMap((kind) => kind[at] ?? [])).flat();
}

export function samplesOf(table: Table, readings: readonly Reading[], showValues: boolean): string[] {
  return readings.slice(0, MAX_SAMPLES).map((reading) => describeReading(table, reading, showValues));
}
