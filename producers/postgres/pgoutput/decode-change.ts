import type { ByteReader } from './byte-reader.ts';
import type { PgoutputMessage, RelationColumn, Tuple, TupleValue } from './messages.ts';

export type ChangeTag = 'R' | 'Y' | 'I' | 'U' | 'D' | 'T' | 'M';
type ChangeMessage<Binary> = Exclude<PgoutputMessage<Binary>, { tag: 'begin' | 'commit' | 'origin' }>;

/** Makes a tuple's value of a copy of its bytes. */
export type BinaryValue<Binary> = (bytes: Uint8Array) => Binary;

const REPLICA_IDENTITIES = { d: 'default', n: 'nothing', f: 'full', i: 'index' } as const;

const NEW_ROW = 0x4e; // N
const OLD_KEY = 0x4b; // K
const OLD_ROW = 0x4f; // O

const TEXT = 0x74; // t
const NULL = 0x6e; // n
const UNCHANGED = 0x75; // u
const BINARY = 0x62; // b

/** The body of a message that can stand inside of a stream. Throws RangeError where it is cut or makes no sense. */
export function decodeChange<Binary>(
  tag: ChangeTag,
  reader: ByteReader,
  binaryValue: BinaryValue<Binary>,
): ChangeMessage<Binary> {
  switch (tag) {
    case 'I': {
      const oid = reader.uint32();
      if (reader.uint8() !== NEW_ROW) throw new RangeError('an insert without a new row');
      return { tag: 'insert', oid, after: decodeTuple(reader, binaryValue) };
    }
    case 'U':
      return decodeUpdate(reader, binaryValue);
    case 'D': {
      const oid = reader.uint32();
      const kind = reader.uint8();
      if (kind !== OLD_KEY && kind !== OLD_ROW) throw new RangeError('a delete without an old row');
      const oldKind = kind === OLD_KEY ? 'key' : 'full';
      return { tag: 'delete', oid, oldKind, before: decodeTuple(reader, binaryValue) };
    }
    case 'R':
      return decodeRelation(reader);
    case 'Y': {
      const oid = reader.uint32();
      const schema = namespace(reader);
      return { tag: 'type', oid, schema, name: reader.zeroTerminated() };
    }
    case 'T': {
      const count = reader.uint32();
      const options = reader.uint8();
      const oids: number[] = [];
      while (oids.length < count) oids.push(reader.uint32());
      return { tag: 'truncate', oids, cascade: (options & 1) !== 0, restartIdentity: (options & 2) !== 0 };
    }
    case 'M': {
      const transactional = (reader.uint8() & 1) !== 0;
      const lsn = reader.uint64();
      const prefix = reader.zeroTerminated();
      return { tag: 'message', transactional, lsn, prefix, content: reader.text(reader.uint32()) };
    }
  }
}

function decodeUpdate<Binary>(reader: ByteReader, binaryValue: BinaryValue<Binary>): ChangeMessage<Binary> {
  const oid = reader.uint32();
  let kind = reader.uint8();
  let before: Tuple<Binary> | null = null;
  let oldKind: 'none' | 'key' | 'full' = 'none';
  if (kind === OLD_KEY || kind === OLD_ROW) {
    oldKind = kind === OLD_KEY ? 'key' : 'full';
    before = decodeTuple(reader, binaryValue);
    kind = reader.uint8();
  }
  if (kind !== NEW_ROW) throw new RangeError('an update without a new row');
  return { tag: 'update', oid, oldKind, before, after: decodeTuple(reader, binaryValue) };
}

function decodeTuple<Binary>(reader: ByteReader, binaryValue: BinaryValue<Binary>): Tuple<Binary> {
  const values: (TupleValue | Binary)[] = [];
  for (let left = reader.uint16(); left > 0; left--) {
    const kind = reader.uint8();
    if (kind === TEXT) values.push(reader.text(reader.uint32()));
    else if (kind === NULL) values.push(null);
    else if (kind === UNCHANGED) values.push(undefined);
    else if (kind === BINARY) values.push(binaryValue(reader.bytes(reader.uint32())));
    else throw new RangeError(`a column of unknown kind ${kind}`);
  }
  return values;
}

function decodeRelation<Binary>(reader: ByteReader): ChangeMessage<Binary> {
  const oid = reader.uint32();
  const schema = namespace(reader);
  const name = reader.zeroTerminated();
  const identity = String.fromCharCode(reader.uint8());
  if (!isReplicaIdentity(identity)) throw new RangeError('a relation of unknown replica identity');
  const columns: RelationColumn[] = [];
  for (let left = reader.uint16(); left > 0; left--) {
    columns.push({
      isIdentity: (reader.uint8() & 1) !== 0,
      name: reader.zeroTerminated(),
      typeOid: reader.uint32(),
      typeModifier: reader.int32(),
    });
  }
  return { tag: 'relation', oid, schema, name, replicaIdentity: REPLICA_IDENTITIES[identity], columns };
}

function isReplicaIdentity(letter: string): letter is keyof typeof REPLICA_IDENTITIES {
  return Object.hasOwn(REPLICA_IDENTITIES, letter);
}

/** An empty one stands for pg_catalog. */
function namespace(reader: ByteReader): string {
  return reader.zeroTerminated() || 'pg_catalog';
}
