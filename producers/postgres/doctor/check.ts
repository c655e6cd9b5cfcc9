import type pg from 'pg';
import type { SourceConfig } from '../../../core/config/schema.ts';
import type { CatalogTable } from '../tables/catalog.ts';
import type { SlotRecord } from '../slot/slot.ts';

/** What one look at the source found; the form of `tailrace doctor --json` (docs/cli.md). */
export interface Check {
  /** Stable, lower-case, as `wal_level` or `replica identity`. */
  readonly name: string;
  /** `fail`: capture does not work, or loses data. `warn`: it works, but something deserves a look. */
  readonly status: 'ok' | 'warn' | 'fail';
  /** What was found, in one sentence; names the table where the check is about one. Never a value of a row. */
  readonly evidence: string;
  /** What to run or to set; null where there is nothing to mend. */
  readonly fix: string | null;
}

/** What the checks look at. Nothing of it is changed. */
export interface Patient {
  readonly client: pg.Client;
  readonly source: SourceConfig;
  /** Name of slot and publication. */
  readonly slot: string;
  /** `server_version_num`, as 180004. */
  readonly version: number;
  /** Takes no writes: most of what depends on the WAL position cannot be asked. */
  readonly isStandby: boolean;
  readonly role: string;
  readonly tables: readonly CatalogTable[];
  /** What the pipeline remembers; null before its first start, undefined where Kafka could not be asked. */
  readonly known: SlotRecord | null | undefined;
}

export type Row = Readonly<Record<string, string | null>>;

/** Rows as Postgres' texts; booleans are `t` and `f`. */
export async function ask(
  { client }: Pick<Patient, 'client'>,
  sql: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  return (await client.query<Row>(sql, [...values])).rows;
}

export const ok = (name: string, evidence: string): Check => ({ name, status: 'ok', evidence, fix: null });

export const warn = (name: string, evidence: string, fix: string | null): Check => ({
  name,
  status: 'warn',
  evidence,
  fix,
});

export const fail = (name: string, evidence: string, fix: string | null): Check => ({
  name,
  status: 'fail',
  evidence,
  fix,
});

/** The first names of a list and how many more there are. */
export function listed(names: readonly string[], limit = 10): string {
  const rest = names.length - limit;
  return `${names.slice(0, limit).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
