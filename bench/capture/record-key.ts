/**
 * The `id` in a record's key. JSON: `{"id":7}`. Avro in Confluent's framing: a zero byte, four bytes of schema id, then the
 * only field, a long, as a zigzag varint. Throws on anything else.
 */
export function idOfKey(key: Buffer | null): string {
  if (key === null) throw new TypeError('a record without a key');
  if (key[0] === 0) return zigzagLong(key.subarray(5));
  const [, id] = /"id":"?(-?\d+)"?[,}]/.exec(key.toString()) ?? [];
  if (id === undefined) throw new TypeError('a key without an id');
  return id;
}

function zigzagLong(bytes: Buffer): string {
  let raw = 0n;
  for (const [index, byte] of bytes.entries()) {
    raw |= BigInt(byte & 0x7f) << BigInt(7 * index);
    if ((byte & 0x80) === 0) return String((raw >> 1n) ^ -(raw & 1n));
  }
  throw new TypeError('a key whose number has no end');
}
