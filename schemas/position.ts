/**
 * A position totally orders every change of one Postgres cluster: the LSN of the transaction's commit record, then
 * the ordinal of the change in that transaction. It is the same at every redelivery.
 *
 * It travels and is stored as 32 lower-case hex digits (commit LSN 16, ordinal 16), so that comparing the texts
 * compares the positions: that holds in Redis' Lua, in MongoDB, in Neo4j and in JavaScript alike.
 */
export type Position = string & { readonly __brand: 'Position' };

const POSITION_PATTERN = /^[0-9a-f]{32}$/;

/** Builds a position. `commitLsn` is unsigned 64 bit, `ordinal` starts at 1 in each transaction. */
export function makePosition(commitLsn: bigint, ordinal: number): Position {
  return (hex16(commitLsn) + hex16(ordinal)) as Position;
}

/** The positions of one transaction's changes, by their ordinals. */
export function positionsOf(commitLsn: bigint): (ordinal: number) => Position {
  const commit = hex16(commitLsn);
  return (ordinal) => (commit + hex16(ordinal)) as Position;
}

/** Checks a text from outside. Throws RangeError when it is not 32 lower-case hex digits. */
export function parsePosition(text: string): Position {
  if (!POSITION_PATTERN.test(text)) throw new RangeError('a position is 32 lower-case hex digits');
  return text as Position;
}

/** The commit LSN of a position. */
export function commitLsnOf(position: Position): bigint {
  return BigInt(`0x${position.slice(0, 16)}`);
}

/** The ordinal of a position; exact up to 2^53. */
export function ordinalOf(position: Position): number {
  let ordinal = 0;
  for (let at = 16; at < 32; at++) {
    const code = position.charCodeAt(at);
    ordinal = ordinal * 16 + (code < LETTER_A ? code - DIGIT_0 : code - LETTER_A + 10);
  }
  return ordinal;
}

const DIGIT_0 = 48;
const LETTER_A = 97;

function hex16(value: bigint | number): string {
  return value.toString(16).padStart(16, '0');
}
