import { TailraceError } from '../../core/errors.ts';
import { commitLsnOf, ordinalOf, type Position } from '../../schemas/position.ts';

/** Elasticsearch's versions end below 2^63; 16 bits of that are for the ordinal, 3 come back from the LSN's alignment. */
const LSN_LIMIT = (1n << 50n) - 40n;
const SHARED_ORDINAL = 0xffff;
/**
 * A commit record takes 40 bytes or more, so the next transaction's versions begin at least 5 steps of the LSN's part above
 * this one's. Versions are read back as rounded numbers, so one of these steps stays free.
 */
const ROOM = 3n << 16n;

/**
 * A position as an external version of Elasticsearch; it passes 2^53. Commit LSNs are multiples of 8. Changes of one
 * transaction from the 65,535th on share a version, see `isShared`. Throws TailraceError (stop) for an LSN from 1 PiB of WAL
 * on (less 40 bytes).
 */
export function externalVersion(position: Position): bigint {
  const commitLsn = commitLsnOf(position);
  if (commitLsn >= LSN_LIMIT)
    throw new TailraceError(
      'SINK_FAILED',
      'the commit LSN of an event lies beyond 1 PiB of WAL, more than a version of Elasticsearch can hold',
      'check that the topic belongs to this pipeline; a cluster with so much WAL needs a dump and restore for this sink.',
    );
  return ((commitLsn >> 3n) << 16n) | BigInt(Math.min(ordinalOf(position), SHARED_ORDINAL));
}

/** True where other changes of the transaction have the same version, so that `__pos` has to tell them apart. */
export function isShared(position: Position): boolean {
  return ordinalOf(position) >= SHARED_ORDINAL;
}

/**
 * True while a document of a shared version may go up by one more version and stays below the next transaction.
 * `stored` is the document's version as a JavaScript number, rounded.
 */
export function hasRoom(position: Position, stored: number): boolean {
  return stored < Number(externalVersion(position) + ROOM);
}
