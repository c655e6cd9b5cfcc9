/** Rows repeat after so many but for their key: more than any compression looks back, few enough to hold in memory. */
const PERIOD = 100_000;

/** A row as Postgres writes its values, of about 200 bytes; 172 characters of `note` do not compress. */
export interface EntryRow {
  readonly id: number;
  readonly account_id: number;
  /** numeric(12,2). */
  readonly amount: string;
  /** timestamp, `2026-01-01 00:00:00.001`. */
  readonly changed_at: string;
  readonly note: string;
}

/** Of the bench's database. */
export const SCHEMA = `
CREATE FUNCTION note(seed bigint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN translate(encode(sha512(int8send(seed)) || sha512(int8send(~seed)), 'base64'), E'\\n', '');

-- In transactions of 1,000 rows. Version 0 is what the table is filled with.
CREATE PROCEDURE update_entries(entries regclass, last_id bigint) LANGUAGE plpgsql AS $$
BEGIN
  FOR before IN 0 .. last_id - 1 BY 1000 LOOP
    EXECUTE format('UPDATE %s SET (account_id, amount, changed_at, note) = (SELECT ${values('id', 1).replaceAll("'", "''").replaceAll('%', '%%')})
                     WHERE id > %s AND id <= %s', entries, before, before + 1000);
    COMMIT;
  END LOOP;
END $$;
`;

/** Makes a table and fills it with rows 1 to `rows`. */
export function filledTable(name: string, rows: number): string {
  return `
CREATE TABLE ${name} (
  id bigint PRIMARY KEY,
  account_id integer NOT NULL,
  amount numeric(12, 2) NOT NULL,
  changed_at timestamp NOT NULL,
  note text NOT NULL
) WITH (autovacuum_enabled = off);
INSERT INTO ${name} SELECT id, ${values('id', 0)} FROM generate_series(1, ${rows}) AS id;
`;
}

/** The rows of one period in a version, for `rowsFrom`; each in the columns of EntryRow. */
export function periodQuery(version: 0 | 1): string {
  return `SELECT id::int, account_id, amount::numeric(12, 2)::text, changed_at::text, note
            FROM generate_series(0, ${PERIOD - 1}) AS id,
                 LATERAL (SELECT ${values('id', version)}) AS entry (account_id, amount, changed_at, note)
           ORDER BY id`;
}

/** Rows `first` to `last` as the tables have them, made of those of one period. */
export function rowsBetween(period: readonly EntryRow[], first: number, last: number): EntryRow[] {
  const rows: EntryRow[] = [];
  for (let id = first; id <= last; id++) {
    const row = period[id % PERIOD];
    if (row === undefined) throw new RangeError(`the period has no row ${id % PERIOD}`);
    const { account_id, amount, changed_at, note } = row;
    rows.push({ id, account_id, amount, changed_at, note });
  }
  return rows;
}

function values(id: string, version: 0 | 1): string {
  const place = `${id} % ${PERIOD}`;
  return (
    `${id} % 1000, (${place}) / 7.0 + ${version}, ` +
    `timestamp '2026-01-01' + ${version} * interval '1 day' + (${place}) * interval '1 ms', ` +
    `note(${place} + ${version * PERIOD})`
  );
}
