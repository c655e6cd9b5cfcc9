const MULTIPLIER = 0x5bd1e995;
const SEED = 0x9747b28c;

/**
 * The partition of a key: the 32-bit murmur2 hash by which Kafka's own clients choose, so that every other client finds
 * a key where we wrote it. `key` is `bytes[start..end)`.
 */
export function partitionOfKey(bytes: Buffer, start: number, end: number, partitionCount: number): number {
  return (murmur2(bytes, start, end) & 0x7fffffff) % partitionCount;
}

function murmur2(bytes: Buffer, start: number, end: number): number {
  const length = end - start;
  const wordsEnd = end - (length & 3);
  let hash = SEED ^ length;
  for (let at = start; at < wordsEnd; at += 4) {
    let word = Math.imul(bytes.readInt32LE(at), MULTIPLIER);
    word = Math.imul(word ^ (word >>> 24), MULTIPLIER);
    hash = Math.imul(hash, MULTIPLIER) ^ word;
  }
  if (wordsEnd < end) {
    for (let at = end - 1; at >= wordsEnd; at--) hash ^= bytes.readUInt8(at) << (8 * (at - wordsEnd));
    hash = Math.imul(hash, MULTIPLIER);
  }
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER);
  return hash ^ (hash >>> 15);
}
