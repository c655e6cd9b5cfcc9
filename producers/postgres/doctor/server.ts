import { formatBytes } from '../../../core/format-bytes.ts';
import { OLDEST_VERSION } from '../preflight.ts';
import { ask, fail, ok, warn, type Check, type Patient, type Row } from './check.ts';

const MINUTE_MS = 60_000;
const WORK_MEM_BYTES = 64 * 1024 * 1024;

/** Version and settings of the server. */
export async function checkServer(patient: Patient): Promise<Check[]> {
  const [row] = await ask(
    patient,
    `SELECT current_setting('server_version') AS version, current_setting('wal_level') AS wal_level,
            current_setting('max_replication_slots') AS max_slots, current_setting('max_wal_senders') AS max_senders,
            (SELECT count(*) FROM pg_replication_slots) AS slots,
            (SELECT count(*) FROM pg_stat_replication) AS senders,
            (SELECT count(*) FROM pg_replication_slots WHERE slot_name = $1) AS own_slots,
            (SELECT count(*) FROM pg_replication_slots WHERE slot_name = $1 AND active) AS own_senders,
            -- In the unit of the setting: ms, MB, kB and seconds.
            (SELECT setting FROM pg_settings WHERE name = 'wal_sender_timeout') AS sender_timeout_ms,
            (SELECT setting FROM pg_settings WHERE name = 'max_slot_wal_keep_size') AS keep_mb,
            (SELECT setting FROM pg_settings WHERE name = 'logical_decoding_work_mem') AS work_mem_kb,
            (SELECT setting FROM pg_settings WHERE name = 'idle_replication_slot_timeout') AS idle_timeout_s`,
    [patient.slot],
  );
  if (row === undefined) return [];
  return [
    checkVersion(patient, row),
    patient.isStandby
      ? fail(
          'primary',
          'the server is a standby in recovery: heartbeats and watermarks cannot be written into its WAL',
          'name the primary in source.url, or promote this server: SELECT pg_promote();',
        )
      : ok('primary', 'the server takes writes'),
    row['wal_level'] === 'logical'
      ? ok('wal_level', 'wal_level is logical')
      : fail(
          'wal_level',
          `wal_level is ${row['wal_level']}, so the WAL lacks what changes are read from`,
          'ALTER SYSTEM SET wal_level = logical; then restart Postgres',
        ),
    checkFree('replication slots', 'max_replication_slots', row['slots'], row['max_slots'], row['own_slots']),
    checkFree('wal senders', 'max_wal_senders', row['senders'], row['max_senders'], row['own_senders']),
    checkKeepSize(Number(row['keep_mb'])),
    checkSenderTimeout(Number(row['sender_timeout_ms'])),
    checkWorkMem(Number(row['work_mem_kb']) * 1024),
    ...(row['idle_timeout_s'] === null ? [] : [checkIdleTimeout(Number(row['idle_timeout_s']))]),
  ];
}

function checkVersion({ version }: Patient, row: Row): Check {
  return version >= OLDEST_VERSION
    ? ok('version', `Postgres ${row['version']}`)
    : fail('version', `Postgres ${row['version']} is older than 14`, 'upgrade Postgres to 14 or newer');
}

/** The pipeline's own slot and sender are among those in use already where a producer runs. */
function checkFree(
  name: string,
  setting: string,
  usedText: string | null | undefined,
  maxText: string | null | undefined,
  ownText: string | null | undefined,
): Check {
  const [used, max, own] = [Number(usedText), Number(maxText), Number(ownText)];
  const evidence = `${used} of ${max} in use${own > 0 ? ', one of them by this pipeline' : ''}`;
  if (own > 0 || used < max) return ok(name, evidence);
  return fail(
    name,
    `${evidence}: none is free`,
    `ALTER SYSTEM SET ${setting} = ${max + 10}; then restart Postgres; or drop a slot that nobody needs`,
  );
}

function checkKeepSize(megabytes: number): Check {
  if (megabytes >= 0) {
    const size = formatBytes(megabytes * 1024 * 1024);
    return ok('max_slot_wal_keep_size', `a slot may hold back ${size}; beyond that its position is lost`);
  }
  return warn(
    'max_slot_wal_keep_size',
    'max_slot_wal_keep_size is -1: while the producer is down the WAL grows until the disk is full',
    "ALTER SYSTEM SET max_slot_wal_keep_size = '50GB'; -- what the disk can spare\nSELECT pg_reload_conf();",
  );
}

function checkSenderTimeout(timeoutMs: number): Check {
  const evidence =
    timeoutMs === 0 ? 'wal_sender_timeout is 0 (off)' : `wal_sender_timeout is ${timeoutMs / 1000} s`;
  const fix = "ALTER SYSTEM SET wal_sender_timeout = '60s';\nSELECT pg_reload_conf();";
  if (timeoutMs === 0 || timeoutMs > 5 * MINUTE_MS) {
    return warn(
      'wal_sender_timeout',
      `${evidence}: a producer that hangs holds the slot so long, and no standby takes over`,
      fix,
    );
  }
  // The producer tells of itself every 5 s.
  if (timeoutMs < 15_000)
    return warn('wal_sender_timeout', `${evidence}: a short pause ends the stream`, fix);
  return ok('wal_sender_timeout', evidence);
}

function checkWorkMem(bytes: number): Check {
  const evidence = `logical_decoding_work_mem is ${formatBytes(bytes)}`;
  if (bytes >= WORK_MEM_BYTES) return ok('logical_decoding_work_mem', evidence);
  return warn(
    'logical_decoding_work_mem',
    `${evidence}: transactions beyond that are written to disk before they are sent`,
    "ALTER SYSTEM SET logical_decoding_work_mem = '64MB';\nSELECT pg_reload_conf();",
  );
}

/** Since Postgres 18. */
function checkIdleTimeout(seconds: number): Check {
  if (seconds === 0) return ok('idle_replication_slot_timeout', 'idle slots are kept');
  return warn(
    'idle_replication_slot_timeout',
    `Postgres gives the slot up when no producer has read it for ${seconds / 60} min`,
    'ALTER SYSTEM SET idle_replication_slot_timeout = 0;\nSELECT pg_reload_conf();',
  );
}
