import type { ScenarioKey } from '../arguments.ts';
import type { Goal } from '../figures.ts';

/** What a scenario writes, and what must be at the broker afterwards. */
export interface Workload {
  /** SQL for before the slot: rows that the load changes. */
  readonly prepare: string;
  /** SQL that the slot holds: a CALL, which commits by itself, for each session that writes. */
  readonly load: readonly string[];
  /** Row changes of the load. */
  readonly events: number;
  /** Records of these events: a delete has two, the second is its tombstone. */
  readonly records: number;
}

/** A scenario that counts events a second. */
export interface RateScenario {
  readonly key: Exclude<ScenarioKey, 'f'>;
  readonly title: string;
  readonly goal: Goal;
  /** The load at this share of its full size. */
  workload(scale: number): Workload;
}

/** The goals that every scenario shares, by unit. */
export const CPU_GOAL: Goal = { atMost: 15 };
export const MEMORY_GOAL: Goal = { atMost: 250 };

const PREPARED_ROWS = 10_000;
const MIXED_DELETES = 10;

export const RATE_SCENARIOS: readonly RateScenario[] = [
  {
    key: 'a',
    title: '1,000-row transactions',
    goal: { atLeast: 70_000 },
    workload: (scale) => inserts(1_000, times(1_000, scale)),
  },
  {
    key: 'b',
    title: 'one-row transactions',
    goal: { atLeastShare: 0.85 },
    workload: (scale) => inserts(1, times(200_000, scale)),
  },
  {
    key: 'c',
    title: 'mixed changes, 100 a transaction',
    goal: { atLeast: 70_000 },
    workload: (scale) => mixed(times(5_000, scale)),
  },
  {
    key: 'd',
    title: 'snapshot',
    goal: { atLeast: 120_000 },
    workload: (scale) => inserts(times(1_000_000, scale), 1),
  },
  {
    key: 'e',
    title: 'one transaction',
    goal: { atLeast: 70_000 },
    workload: (scale) => inserts(times(1_000_000, scale), 1),
  },
  {
    key: 'g',
    title: '50 transactions at once',
    goal: { atLeast: 70_000 },
    workload: (scale) => insertsAtOnce(times(100_000, scale), 50),
  },
];

function inserts(rowsEach: number, transactions: number): Workload {
  const events = rowsEach * transactions;
  return {
    prepare: '',
    load: [`CALL insert_entries(${transactions}, ${rowsEach})`],
    events,
    records: events,
  };
}

function insertsAtOnce(rowsEach: number, sessions: number): Workload {
  const events = rowsEach * sessions;
  const load = Array.from(
    { length: sessions },
    (_, session) => `CALL insert_entries(1, ${rowsEach}, ${session * rowsEach})`,
  );
  return { prepare: '', load, events, records: events };
}

function mixed(transactions: number): Workload {
  const events = transactions * 100;
  return {
    prepare: `CALL insert_entries(1, ${PREPARED_ROWS})`,
    load: [`CALL mix_entries(${transactions}, ${PREPARED_ROWS})`],
    events,
    records: events + transactions * MIXED_DELETES,
  };
}

function times(full: number, scale: number): number {
  return Math.max(1, Math.round(full * scale));
}

/**
 * One table of rows of about 200 bytes. `note` is 172 characters that do not compress, the same at each run. Autovacuum is
 * off, so that it does not take a core from either side at a moment of its own choice.
 */
export const SCHEMA = `
CREATE TABLE entry (
  id bigint PRIMARY KEY,
  account_id integer NOT NULL,
  amount numeric(12, 2) NOT NULL,
  changed_at timestamptz NOT NULL,
  note text NOT NULL
) WITH (autovacuum_enabled = off);

CREATE FUNCTION note(seed bigint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN translate(encode(sha512(int8send(seed)) || sha512(int8send(~seed)), 'base64'), E'\\n', '');

-- The rows behind \`before\`, so many in each of the transactions.
CREATE PROCEDURE insert_entries(transactions int, rows_each int, before bigint DEFAULT 0) LANGUAGE plpgsql AS $$
BEGIN
  FOR done IN 0 .. transactions - 1 LOOP
    INSERT INTO entry
    SELECT id, id % 1000, (id % 100000) / 7.0, clock_timestamp(), note(id)
      FROM generate_series(before + done::bigint * rows_each + 1, before + (done::bigint + 1) * rows_each) AS id;
    COMMIT;
  END LOOP;
END $$;

-- Each transaction inserts 40 rows, updates 50 that lie scattered over the table, and deletes the 10 oldest.
CREATE PROCEDURE mix_entries(transactions int, rows_before int) LANGUAGE plpgsql AS $$
DECLARE
  oldest bigint := 1;
  newest bigint := rows_before;
  stride bigint;
BEGIN
  FOR done IN 0 .. transactions - 1 LOOP
    INSERT INTO entry
    SELECT id, id % 1000, (id % 100000) / 7.0, clock_timestamp(), note(id)
      FROM generate_series(newest + 1, newest + 40) AS id;
    newest := newest + 40;
    stride := (newest - oldest - ${MIXED_DELETES - 1}) / 50;
    UPDATE entry
       SET amount = amount + 1, changed_at = clock_timestamp(), note = note(id + 1000000000::bigint * (done + 1))
     WHERE id = ANY (SELECT oldest + ${MIXED_DELETES} + done % stride + place * stride FROM generate_series(0, 49) AS place);
    DELETE FROM entry WHERE id < oldest + ${MIXED_DELETES} AND id >= oldest;
    oldest := oldest + ${MIXED_DELETES};
    COMMIT;
  END LOOP;
END $$;
`;
