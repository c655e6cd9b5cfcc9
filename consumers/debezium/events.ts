import type { KafkaMessage } from 'kafkajs';
import { TailraceError, toError } from '../../core/errors.ts';
import type { ChangeEvent, Operation } from '../../schemas/change-event.ts';
import type { Position } from '../../schemas/position.ts';
import { qualifiedName, type TableSchema } from '../../schemas/table-schema.ts';
import type { Row } from '../../schemas/value.ts';
import { createDebeziumPositions, neighbourOf } from './position.ts';
import type { Described, RecordReader } from './record.ts';
import { assumedTable, describedTable, readKey, readRow, type DebeziumTable } from './table.ts';
import type { ConnectSchema } from './schema.ts';

/** A record with what its converters wrote; null for what the record lacks. */
export interface ReadMessage {
  readonly message: KafkaMessage;
  readonly key: Described | null;
  readonly value: Described | null;
}

/** The records of one partition, as fetched. */
export interface Fetched {
  readonly topic: string;
  readonly partition: number;
  readonly messages: readonly ReadMessage[];
}

/** An event, and the columns of its row that Debezium could not tell. */
export interface DebeziumEvent {
  readonly event: ChangeEvent;
  readonly unavailable: readonly string[];
}

export interface DecodedFetch {
  readonly events: readonly DebeziumEvent[];
  /** Tombstones whose delete was compacted away and that stand alone, so that nothing tells their position. */
  readonly lostTombstones: number;
}

/** Decodes the fetches of some partitions, each partition's in its order. */
export interface DebeziumDecoder {
  /** Throws EVENT_UNDECODABLE and TABLE_WITHOUT_KEY, which hold no values. */
  decode(fetched: Fetched): DecodedFetch;
  /** Whether a truncate of the table has been decoded that is newer; another partition may have had it meanwhile. */
  isTruncated(topic: string, event: ChangeEvent): boolean;
}

const OPERATIONS: readonly unknown[] = ['c', 'u', 'd', 'r', 't'] satisfies Operation[];

/** Reads one record. Throws EVENT_UNDECODABLE. */
export function readMessage(
  reader: RecordReader,
  topic: string,
  partition: number,
  message: KafkaMessage,
): ReadMessage {
  return inContext(topic, partition, message, () => ({
    message,
    key: message.key === null ? null : reader.read(message.key),
    value: message.value === null ? null : reader.read(message.value),
  }));
}

interface Envelope {
  readonly op: unknown;
  readonly before: unknown;
  readonly after: unknown;
  readonly source: Readonly<Record<string, unknown>>;
  readonly ts_ms: unknown;
}

/** What is remembered of a partition from one fetch to the next. */
interface Place {
  /** Where its next fetch begins, unless a rebalance has led back. */
  nextOffset: bigint;
  /** Of the last event. */
  position: Position | null;
  /** Of the last event if that was a delete. */
  deletedKey: Buffer | null;
}

/** `catalogue` tells, by `schema.table`, the tables of records without schemas, and of the others what their schemas do not. */
export function createDebeziumDecoder(catalogue: ReadonlyMap<string, TableSchema>): DebeziumDecoder {
  const positions = createDebeziumPositions();
  const places = new Map<string, Place>();
  const described = new WeakMap<ConnectSchema, WeakMap<ConnectSchema, DebeziumTable>>();
  const newest = new Map<string, DebeziumTable>();
  const truncates = new Map<string, Position>();

  /** A truncate has no key, so its table is the one of the rows before it, or else the one in the catalogue. */
  const tableOf = (topic: string, envelope: Envelope, { key, value }: ReadMessage): DebeziumTable => {
    const name = { schema: String(envelope.source['schema']), name: String(envelope.source['table']) };
    const known = newest.get(topic);
    if (envelope.op === 't') {
      const present = catalogue.get(qualifiedName(name));
      if (known !== undefined) return known;
      if (present !== undefined) return assumedTable(present);
      throw new TypeError(
        'a truncate stands before every row of the table that was read since the sink started, so that nothing tells its key; ' +
          'with source.url in this config it is read from the database',
      );
    }
    if (key === null) throw withoutKey(name);
    const found =
      key.schema === null || value?.schema == null
        ? fromCatalogue(known, catalogue, name)
        : fromSchemas(described, catalogue, name, key.schema, value.schema);
    newest.set(topic, found);
    return found;
  };

  const tombstone = (
    topic: string,
    { message, key }: ReadMessage,
    position: Position,
  ): ChangeEvent | null => {
    const table = newest.get(topic);
    if (table === undefined || key === null) return null;
    const row = readKey(table, key.payload);
    const tsMs = Number(message.timestamp);
    const source = { name: '', db: '', txId: null, lsn: 0n, tsUs: tsMs * 1000, snapshot: false };
    return { table: table.table, op: 'd', key: row, before: row, after: null, position, source, tsMs };
  };

  const isTruncated = (topic: string, { op, position }: ChangeEvent) =>
    op !== 't' && position <= (truncates.get(topic) ?? '');

  return {
    isTruncated,
    decode({ topic, partition, messages }) {
      const place = placeOf(places, `${topic}/${partition}`, messages);
      const events: DebeziumEvent[] = [];
      let waiting: ReadMessage[] = [];
      let lostTombstones = 0;
      const flush = (position: Position | null) => {
        for (const read of waiting) {
          const event = position === null ? null : tombstone(topic, read, position);
          if (event === null) lostTombstones += 1;
          else events.push({ event, unavailable: [] });
        }
        waiting = [];
      };
      for (const read of messages) {
        const { message, value } = read;
        inContext(topic, partition, message, () => {
          if (value === null) {
            // It says nothing new right behind its delete.
            if (place.deletedKey !== null && message.key?.equals(place.deletedKey) === true) return;
            waiting.push(read);
            // Compaction took the delete: it came after the last event here and before the next one.
            if (place.position !== null) flush(neighbourOf(place.position, 1));
            return;
          }
          const envelope = value.payload as Envelope;
          if (envelope.op === 'm') return;
          const table = tableOf(topic, envelope, read);
          const offset = BigInt(message.offset);
          const position = positions.next(`${topic}/${partition}`, offset, envelope.source);
          flush(neighbourOf(position, -1));
          const decoded = eventOf(table, envelope, position, read.key);
          place.position = position;
          place.deletedKey = envelope.op === 'd' ? message.key : null;
          if (decoded.event.op === 't') truncates.set(topic, position);
          // Debezium writes a truncate into one partition; older rows of the others may come behind it.
          if (!isTruncated(topic, decoded.event)) events.push(decoded);
        });
      }
      flush(null);
      const last = messages.at(-1);
      if (last !== undefined) place.nextOffset = BigInt(last.message.offset) + 1n;
      return { events, lostTombstones };
    },
  };
}

function eventOf(
  table: DebeziumTable,
  { op, after, source, ts_ms }: Envelope,
  position: Position,
  recordKey: Described | null,
): DebeziumEvent {
  if (!OPERATIONS.includes(op)) throw new TypeError(`unknown operation ${JSON.stringify(op)}`);
  const operation = op as Operation;
  const hasRow = operation !== 'd' && operation !== 't';
  if (hasRow !== (after != null)) throw new TypeError(`operation ${operation} does not fit its rows`);
  const key: Row = operation === 't' || recordKey === null ? {} : readKey(table, recordKey.payload);
  const { row, unavailable } = hasRow ? readRow(table, after) : { row: null, unavailable: [] };
  const event: ChangeEvent = {
    table: table.table,
    op: operation,
    key,
    // Without REPLICA IDENTITY FULL Debezium writes nulls for what it does not know of an old row.
    before: operation === 'd' ? key : null,
    after: row,
    position,
    source: {
      name: String(source['name']),
      db: String(source['db']),
      txId: source['txId'] == null ? null : Number(source['txId']),
      lsn: BigInt(source['lsn'] as number | bigint),
      tsUs: source['ts_us'] == null ? Number(source['ts_ms']) * 1000 : Number(source['ts_us']),
      snapshot: source['snapshot'] != null && source['snapshot'] !== 'false',
    },
    tsMs: Number(ts_ms),
  };
  return { event, unavailable };
}

function fromSchemas(
  cache: WeakMap<ConnectSchema, WeakMap<ConnectSchema, DebeziumTable>>,
  catalogue: ReadonlyMap<string, TableSchema>,
  name: { schema: string; name: string },
  key: ConnectSchema,
  value: ConnectSchema,
): DebeziumTable {
  const byKey = cache.get(value) ?? new WeakMap<ConnectSchema, DebeziumTable>();
  cache.set(value, byKey);
  const table = byKey.get(key) ?? describedTable(name, key, value, catalogue.get(qualifiedName(name)));
  byKey.set(key, table);
  return table;
}

function fromCatalogue(
  known: DebeziumTable | undefined,
  catalogue: ReadonlyMap<string, TableSchema>,
  name: { schema: string; name: string },
): DebeziumTable {
  const table = catalogue.get(qualifiedName(name));
  if (table === undefined)
    throw new TypeError(
      `its record has no schema, and the database of source.url has no table ${qualifiedName(name)} with a primary key`,
    );
  return known?.table === table ? known : assumedTable(table);
}

/** The place of a partition; a new one where a rebalance has led back, since what it remembers comes again. */
function placeOf(places: Map<string, Place>, partition: string, [first]: readonly ReadMessage[]): Place {
  const known = places.get(partition);
  if (known !== undefined && (first === undefined || BigInt(first.message.offset) >= known.nextOffset))
    return known;
  const place: Place = { nextOffset: 0n, position: null, deletedKey: null };
  places.set(partition, place);
  return place;
}

function withoutKey(name: { schema: string; name: string }): TailraceError {
  return new TailraceError(
    'TABLE_WITHOUT_KEY',
    `Debezium writes the rows of ${qualifiedName(name)} without a key, so a sink cannot tell them apart`,
    "name key columns in Debezium's message.key.columns, or leave the table out of the sink's tables",
  );
}

function inContext<Result>(
  topic: string,
  partition: number,
  message: KafkaMessage,
  work: () => Result,
): Result {
  try {
    return work();
  } catch (thrown) {
    if (thrown instanceof TailraceError) throw thrown;
    // JSON.parse quotes the text that it could not read: that may be a row, which no message may show.
    const cause =
      thrown instanceof SyntaxError ? new TypeError('it is neither JSON nor Avro') : toError(thrown);
    throw new TailraceError(
      'EVENT_UNDECODABLE',
      `topic ${topic}, partition ${partition}, offset ${message.offset}: the record cannot be decoded: ${cause.message}`,
      "check Debezium's settings against docs/debezium.md; the sink goes on from here once the record is repaired or skipped by committing the next offset",
      { cause },
    );
  }
}
