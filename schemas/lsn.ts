/** Log sequence numbers: byte positions in Postgres' write-ahead log, unsigned 64 bit, held as bigint. */

const LSN_PATTERN = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/;

/** Reads Postgres' text form, for example `16/B374D848`. Throws RangeError on anything else. */
export function parseLsn(text: string): bigint {
  const match = LSN_PATTERN.exec(text);
  if (match === null)
    throw new RangeError(`not an LSN: ${JSON.stringify(text)}; expected a text like 16/B374D848`);
  return (BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`);
}

/** Postgres' text form, as `pg_current_wal_lsn()` prints it. */
export function formatLsn(lsn: bigint): string {
  return `${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffffffffn).toString(16).toUpperCase()}`;
}
