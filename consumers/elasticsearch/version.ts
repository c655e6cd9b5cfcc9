import { TailraceError } from '../../core/errors.ts';
import { commitLsnOf, ordinalOf, type Position } from '../../schemas/position.ts';

/** Elasticsearch's versions end below 2^63; 16 bits of that are for the ordinal, 3 come back from the LSN's alignment. */
const LSN_LIMIT = 1n << 50n;
const ORDINAL_LIMIT = 0xffff;

/**
 * A position as an external version of Elasticsearch, in decimal digits because it passes 2^53. Commit LSNs are
 * multiples of 8. Changes of one transaction from the 65,535th on share a version. Throws TailraceError (stop) for an LSN
 * from 1 PiB of WAL on.
 */
export function externalVersion(position: Position): string {
  const commitLsn = commitLsnOf(position);
  if (commitLsn >= LSN_LIMIT)
    throw new TailraceError(
      'SINK_FAILED',
      'the commit LSN of an event lies beyond 1 PiB of WAL, more than a version of Elasticsearch can hold',
      'check that the topic belongs to this pipeline; a cluster with so much WAL needs a dump and restore for this sink.',
    );
  const ordinal = Math.min(ordinalOf(position), ORDINAL_LIMIT);
  return (((commitLsn >> 3n) << 16n) | BigInt(ordinal)).toString();
}
