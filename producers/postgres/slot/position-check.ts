import { formatLsn, parseLsn } from '../../../schemas/lsn.ts';
import type { SourceIdentity, TimelineEnd } from './source-identity.ts';

/** What the pipeline remembers of where it ended. */
export interface RecordedPosition {
  readonly slot: string;
  /** Identifies the cluster; another server has another one. */
  readonly systemIdentifier: string;
  /** The server's timeline when the record was written; older records lack it. */
  readonly timeline?: number | undefined;
  /** Everything before this LSN is in Kafka, and nothing beyond it was ever acknowledged; older records lack it. */
  readonly confirmedLsn?: string | undefined;
}

/** Where the slot stands, and whether it still can be read. */
export interface FoundSlot {
  readonly confirmedLsn: bigint | null;
  /** `reserved`, `extended`, `unreserved` (may be lost at the next checkpoint) or `lost`. */
  readonly walStatus: string | null;
  /** Why Postgres gave the slot up; null while it is valid, and before Postgres 17. */
  readonly invalidation: string | null;
}

/** Everything that tells whether the stream can go on where it ended. */
export interface PositionEvidence {
  readonly known: RecordedPosition;
  readonly source: SourceIdentity;
  /** The past of the server's timeline. */
  readonly history: readonly TimelineEnd[];
  /** Null when there is none. */
  readonly slot: FoundSlot | null;
  /** Highest commit LSN that the topics hold, which may lie beyond the record after a crash; null when not known. */
  readonly sentLsn: bigint | null;
}

/**
 * Why the position is lost, in words that complete "the position in the WAL is lost: "; null when the stream can go on.
 *
 * The rules rest on one promise: an LSN is acknowledged only after it was recorded (acknowledger.ts), and recorded only
 * after Kafka held everything before it. So a slot at or before the record has lost nothing, by whomever it was moved,
 * and one beyond it was moved or made anew by somebody else. And the record must lie in the past of this server: at or
 * before the point where its timeline left the recorded one, and not beyond the WAL that it has written.
 */
export function findPositionProblem(evidence: PositionEvidence): string | null {
  const { known, source, slot, sentLsn } = evidence;
  if (known.systemIdentifier !== source.systemIdentifier) {
    return `the server is another one than before (system identifier ${source.systemIdentifier}, was ${known.systemIdentifier})`;
  }
  const recorded = known.confirmedLsn === undefined ? null : parseLsn(known.confirmedLsn);
  if (recorded === null) return findSlotProblem(known.slot, slot);
  const readUpTo = sentLsn !== null && sentLsn > recorded ? sentLsn : recorded;
  return (
    findForeignHistory(evidence, readUpTo) ??
    findSlotProblem(known.slot, slot) ??
    findForeignAdvance(recorded, slot)
  );
}

/** What is wrong with the slot itself, whatever was read from it. */
export function findSlotProblem(name: string, slot: FoundSlot | null): string | null {
  if (slot === null) return `replication slot ${name} is gone`;
  if (slot.walStatus !== 'lost' && slot.invalidation === null) return null;
  return `Postgres has invalidated slot ${name} (${describeInvalidation(slot.invalidation)})`;
}

function findForeignHistory({ known, source, history }: PositionEvidence, readUpTo: bigint): string | null {
  const { timeline } = known;
  const end = formatLsn(readUpTo);
  if (timeline !== undefined && timeline !== source.timeline) {
    const past = history.find((each) => each.timeline === timeline);
    if (past === undefined) {
      return `the server is on timeline ${source.timeline}, which does not come from timeline ${timeline} that was read so far`;
    }
    if (past.endLsn < readUpTo) {
      return `the server was promoted or restored at ${formatLsn(past.endLsn)} of timeline ${timeline}, which was read up to ${end}`;
    }
  }
  if (source.writtenLsn < readUpTo) {
    return `the server was restored to an earlier point: its WAL ends at ${formatLsn(source.writtenLsn)}, but was read up to ${end}`;
  }
  return null;
}

function findForeignAdvance(recorded: bigint, slot: FoundSlot | null): string | null {
  const confirmed = slot?.confirmedLsn ?? null;
  if (confirmed === null || confirmed <= recorded) return null;
  return `the slot stands at ${formatLsn(confirmed)}, beyond ${formatLsn(recorded)} where this pipeline ended: another reader moved it, or it was made anew`;
}

/** Words of pg_replication_slots.invalidation_reason (since Postgres 17). */
function describeInvalidation(reason: string | null): string {
  switch (reason) {
    case null:
      return 'WAL that it needed was removed: max_slot_wal_keep_size';
    case 'wal_removed':
      return 'wal_removed: it held back more WAL than max_slot_wal_keep_size';
    case 'idle_timeout':
      return 'idle_timeout: nobody read it for idle_replication_slot_timeout';
    case 'wal_level_insufficient':
      return 'wal_level_insufficient: the server ran with wal_level below logical';
    default:
      return reason;
  }
}
