import { ask, ok, warn, type Check, type Patient } from './check.ts';

/** From when on a transaction deserves a look. */
export const LONG_SECONDS = 300;

/** What keeps the slot from moving on: transactions of any database that go on for longer, or were prepared and left. */
export async function checkTransactions(
  patient: Pick<Patient, 'client'>,
  longSeconds: number,
): Promise<Check[]> {
  const open = await ask(
    patient,
    `SELECT pid::text, datname AS database, usename AS owner, state,
            extract(epoch FROM now() - xact_start)::int AS seconds
       FROM pg_stat_activity
      WHERE xact_start < now() - make_interval(secs => $1) AND backend_type = 'client backend' ORDER BY xact_start LIMIT 5`,
    [longSeconds],
  );
  const [rights] = await ask(
    patient,
    "SELECT pg_has_role('pg_read_all_stats', 'USAGE') AS all_seen, current_user AS role",
  );
  const prepared = await ask(
    patient,
    `SELECT gid, database, extract(epoch FROM now() - prepared)::int AS seconds FROM pg_prepared_xacts
      WHERE prepared < now() - make_interval(secs => $1) ORDER BY prepared LIMIT 5`,
    [longSeconds],
  );
  const blind =
    rights?.['all_seen'] === 't'
      ? ''
      : ` (only those of role ${rights?.['role']} can be seen; pg_read_all_stats shows all)`;
  return [
    ...open.map(({ pid, database, owner, state, seconds }) =>
      warn(
        'long transactions',
        `server process ${pid} (database ${database}, role ${owner}, ${state}) has been in one transaction for ${minutes(seconds)}: the slot holds back the WAL since then`,
        `end it in its client, or: SELECT pg_terminate_backend(${pid});`,
      ),
    ),
    ...(open.length === 0 ? [ok('long transactions', `none over ${minutes(longSeconds)}${blind}`)] : []),
    ...prepared.map(({ gid, database, seconds }) =>
      warn(
        'prepared transactions',
        `a transaction of database ${database} was prepared ${minutes(seconds)} ago and neither committed nor rolled back: the slot holds back the WAL since then`,
        `in database ${database}: COMMIT PREPARED '${(gid ?? '').replaceAll("'", "''")}'; or ROLLBACK PREPARED`,
      ),
    ),
    ...(prepared.length === 0 ? [ok('prepared transactions', `none over ${minutes(longSeconds)}`)] : []),
  ];
}

function minutes(seconds: string | number | null | undefined): string {
  return `${Math.round(Number(seconds) / 60)} min`;
}
