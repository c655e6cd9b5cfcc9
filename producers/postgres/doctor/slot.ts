import { formatBytes } from '../../../core/format-bytes.ts';
import { formatLsn } from '../../../schemas/lsn.ts';
import { findPositionProblem, findSlotProblem } from '../slot/position-check.ts';
import { quoteIdentifier } from '../quote.ts';
import { findForeignOwner, readSlotStatus, type SlotStatus } from '../slot/slot.ts';
import { readSourceIdentity, readTimelineHistory } from '../slot/source-identity.ts';
import { ask, fail, ok, warn, type Check, type Patient } from './check.ts';

const BEGIN_ANEW =
  'tailrace slot drop; then give the pipeline a new name or delete its state topic, and start the producer (POSITION_LOST in docs/errors.md)';
/** Left of max_slot_wal_keep_size when it gets tight. */
const TIGHT_SHARE = 0.25;

/** The slot, and whether the pipeline can go on from it. */
export async function checkSlot(patient: Patient): Promise<Check[]> {
  const slot = await readSlotStatus(patient.client, patient.slot);
  if (slot === null && patient.known == null) {
    return [ok('slot', `${patient.slot} does not exist yet; the producer's first start makes it`)];
  }
  const problem = await findProblem(patient, slot);
  if (problem !== null) return [fail('slot', `the position is lost: ${problem}`, BEGIN_ANEW)];
  return slot === null ? [] : [describeSlot(patient, slot), ...(await checkFailover(patient, slot))];
}

async function findProblem(patient: Patient, slot: SlotStatus | null): Promise<string | null> {
  // A standby has no WAL of its own to compare with; that it is one is told by another check.
  if (patient.isStandby) return null;
  const source = await readSourceIdentity(patient.client);
  const foreign = slot === null ? null : findForeignOwner(patient.slot, slot, source.database);
  if (foreign !== null) return foreign;
  const { known } = patient;
  if (known == null) return findSlotProblem(patient.slot, slot);
  const isOtherTimeline = known.timeline !== undefined && known.timeline !== source.timeline;
  const history = isOtherTimeline ? await readTimelineHistory(patient.source.url, source.timeline) : [];
  return findPositionProblem({ known, source, history, slot, sentLsn: null });
}

function describeSlot({ slot: name }: Patient, slot: SlotStatus): Check {
  const evidence = [
    slot.activePid === null
      ? `${name} is not being read`
      : `${name} is read through server process ${slot.activePid}`,
    `confirmed ${slot.confirmedLsn === null ? 'nothing' : formatLsn(slot.confirmedLsn)}`,
    `holds back ${formatBytes(slot.retainedBytes)}`,
    slot.safeBytes === null ? 'no limit' : `${formatBytes(slot.safeBytes)} left until it is lost`,
  ].join(', ');
  const isTight =
    slot.walStatus === 'unreserved' ||
    (slot.safeBytes !== null && slot.safeBytes < TIGHT_SHARE * (slot.safeBytes + slot.retainedBytes));
  if (!isTight) return ok('slot', evidence);
  return warn(
    'slot',
    `${evidence}; it is about to be lost`,
    "start the producer, and meanwhile: ALTER SYSTEM SET max_slot_wal_keep_size = '...'; SELECT pg_reload_conf();",
  );
}

/** A standby that has no copy of the slot means a lost position at the failover. */
async function checkFailover(patient: Patient, slot: SlotStatus): Promise<Check[]> {
  if (slot.failover === null) return [];
  const [row] = await ask(
    patient,
    `SELECT count(*) AS standbys, current_setting('synchronized_standby_slots') AS waits
       FROM pg_replication_slots WHERE slot_type = 'physical'`,
  );
  const standbys = Number(row?.['standbys']);
  if (standbys === 0) return [ok('failover', 'no standby has a slot on this server')];
  if (!slot.failover) {
    return [
      warn(
        'failover',
        `${standbys} standbys, but ${patient.slot} is not a failover slot: after a failover the position is lost`,
        `with the producer stopped, on a replication connection: ALTER_REPLICATION_SLOT ${quoteIdentifier(patient.slot)} (FAILOVER true);`,
      ),
    ];
  }
  if (row?.['waits'] !== '')
    return [ok('failover', `standbys may copy the slot; it waits for ${row?.['waits']}`)];
  return [
    warn(
      'failover',
      'standbys may copy the slot, but changes may be read that no standby has yet: after such a failover the position is lost',
      "ALTER SYSTEM SET synchronized_standby_slots = '...'; -- the standbys' physical slots\nSELECT pg_reload_conf();",
    ),
  ];
}
