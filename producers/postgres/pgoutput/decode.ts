import { ByteReader } from './byte-reader.ts';
import type { PgoutputMessage, RelationColumn, Tuple, TupleValue } from './messages.ts';

/** Microseconds from 1970-01-01 to 2000-01-01, where Postgres counts from. */
const POSTGRES_EPOCH_US = 946_684_800_000_000n;

const REPLICA_IDENTITIES = { d: 'default', n: 'nothing', f: 'full', i: 'index' } as const;

/** A message that cannot be decoded; the stream must stop, since what follows may depend on it. */
export class UndecodableMessage extends Error {
  /** The message's first byte as a character. */
  readonly tag: string;

  constructor(tag: string, reason: string) {
    super(`pgoutput message ${JSON.stringify(tag)}: ${reason}`);
    this.name = 'UndecodableMessage';
    this.tag = tag;
  }
}

/** Decodes one message. Throws UndecodableMessage for an unknown tag, a cut message or bytes left over. */
export function decodePgoutput(bytes: Buffer): PgoutputMessage {
  const tag = String.fromCharCode(bytes[0] ?? 0);
  try {
    const reader = new ByteReader(bytes);
    reader.uint8();
    const message = decodeBody(tag, reader);
    if (!reader.atEnd) throw new RangeError('bytes are left over');
    return message;
  } catch (error) {
    if (error instanceof UndecodableMessage) throw error;
    throw new UndecodableMessage(tag, error instanceof Error ? error.message : String(error));
  }
}

function decodeBody(tag: string, reader: ByteReader): PgoutputMessage {
  switch (tag) {
    case 'B':
      return {
        tag: 'begin',
        commitLsn: reader.uint64(),
        commitTsUs: timestampUs(reader),
        xid: reader.uint32(),
      };
    case 'C': {
      reader.uint8(); // flags, unused
      const message = { tag: 'commit', commitLsn: reader.uint64(), endLsn: reader.uint64() } as const;
      reader.int64(); // commit time, known from begin
      return message;
    }
    case 'O':
      reader.uint64(); // commit LSN at the origin
      return { tag: 'origin', name: reader.zeroTerminated() };
    case 'R':
      return decodeRelation(reader);
    case 'Y':
      return {
        tag: 'type',
        oid: reader.uint32(),
        schema: reader.zeroTerminated(),
        name: reader.zeroTerminated(),
      };
    case 'I': {
      const oid = reader.uint32();
      expectByte(reader, 'N');
      return { tag: 'insert', oid, after: decodeTuple(reader) };
    }
    case 'U':
      return decodeUpdate(reader);
    case 'D': {
      const oid = reader.uint32();
      const kind = String.fromCharCode(reader.uint8());
      if (kind !== 'K' && kind !== 'O') throw new RangeError(`unknown old-row kind ${JSON.stringify(kind)}`);
      return { tag: 'delete', oid, oldKind: kind === 'K' ? 'key' : 'full', before: decodeTuple(reader) };
    }
    case 'T': {
      const count = reader.uint32();
      const options = reader.uint8();
      const oids = Array.from({ length: count }, () => reader.uint32());
      return { tag: 'truncate', oids, cascade: (options & 1) !== 0, restartIdentity: (options & 2) !== 0 };
    }
    case 'M': {
      const transactional = (reader.uint8() & 1) !== 0;
      const lsn = reader.uint64();
      const prefix = reader.zeroTerminated();
      return { tag: 'message', transactional, lsn, prefix, content: reader.text(reader.uint32()) };
    }
    default:
      throw new UndecodableMessage(tag, 'unknown tag');
  }
}

function decodeRelation(reader: ByteReader): PgoutputMessage {
  const oid = reader.uint32();
  // An empty namespace stands for pg_catalog.
  const schema = reader.zeroTerminated() || 'pg_catalog';
  const name = reader.zeroTerminated();
  const identity = String.fromCharCode(reader.uint8());
  if (!(identity in REPLICA_IDENTITIES))
    throw new RangeError(`unknown replica identity ${JSON.stringify(identity)}`);
  const columns: RelationColumn[] = [];
  for (let count = reader.uint16(); count > 0; count--) {
    reader.uint8(); // whether the column is part of the identity; the catalogue tells the primary key
    columns.push({ name: reader.zeroTerminated(), typeOid: reader.uint32(), typeModifier: reader.int32() });
  }
  const replicaIdentity = REPLICA_IDENTITIES[identity as keyof typeof REPLICA_IDENTITIES];
  return { tag: 'relation', oid, schema, name, replicaIdentity, columns };
}

function decodeUpdate(reader: ByteReader): PgoutputMessage {
  const oid = reader.uint32();
  let kind = String.fromCharCode(reader.uint8());
  let before: Tuple | null = null;
  let oldKind: 'none' | 'key' | 'full' = 'none';
  if (kind === 'K' || kind === 'O') {
    oldKind = kind === 'K' ? 'key' : 'full';
    before = decodeTuple(reader);
    kind = String.fromCharCode(reader.uint8());
  }
  if (kind !== 'N') throw new RangeError(`expected the new row, found ${JSON.stringify(kind)}`);
  return { tag: 'update', oid, oldKind, before, after: decodeTuple(reader) };
}

function decodeTuple(reader: ByteReader): Tuple {
  const count = reader.uint16();
  const values: TupleValue[] = [];
  for (let index = 0; index < count; index++) {
    const kind = reader.uint8();
    if (kind === 0x74) values.push(reader.text(reader.uint32()));
    else if (kind === 0x6e) values.push(null);
    else if (kind === 0x75) values.push(undefined);
    else throw new RangeError(`unknown column kind ${JSON.stringify(String.fromCharCode(kind))}`);
  }
  return values;
}

function expectByte(reader: ByteReader, expected: string): void {
  const found = String.fromCharCode(reader.uint8());
  if (found !== expected) throw new RangeError(`expected ${expected}, found ${JSON.stringify(found)}`);
}

/** Microseconds since 1970 as a number: exact until the year 2255. */
function timestampUs(reader: ByteReader): number {
  return Number(reader.int64() + POSTGRES_EPOCH_US);
}
