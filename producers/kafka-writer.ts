import { toError } from '../core/errors.ts';
import type { Position } from '../schemas/position.ts';
import type { EncodedEvent } from '../schemas/envelope.ts';
import type { PartitionBatch } from './kafka/produce-client.ts';
import { partitionOfKey } from './kafka/murmur2.ts';
import { encodeHeaders, RecordBatch } from './kafka/record-batch.ts';

const MAX_BATCH_EVENTS = 10_000;
/** kafkajs takes a buffer of the next power of two for a request, so it stays below one. */
const MAX_BATCH_BYTES = (1024 - 32) * 1024;
/** A partition's batch larger than the topic's max.message.bytes (1 MiB by default) is refused whole. */
const MAX_PARTITION_BYTES = 1000 * 1024;
const RECORD_OVERHEAD_BYTES = 200;

const NO_HEADERS = encodeHeaders([]);

/** A topic that is written to. */
export interface WrittenTopic {
  readonly name: string;
  /** For each partition the position of its last record; null for an empty one. */
  readonly lastPositions: readonly (Position | null)[];
}

/** What a record carries beside its key and value. */
export interface RecordFrame {
  readonly position: Position;
  /** Milliseconds since 1970. */
  readonly timestampMs: number;
  /** Encoded headers, copied at once. */
  readonly headers: Buffer;
}

/** A record of the pipeline's own, in partition 0 of its topic, that leaves in one request with the events added before it. */
export interface Note {
  readonly topic: string;
  readonly key: string;
  /** Asked when the request leaves; `endsOf` tells where it ends in each partition of a topic. */
  value(endsOf: (topic: string) => Readonly<Record<string, Position>>): string;
  /** Called when Kafka has the request; not when a later note took the place of this one. */
  onSent?(): void;
}

/** The records of a partition, and the position of the last. */
interface PartitionPart {
  readonly batch: RecordBatch;
  end: Position;
}

/** What is sent as one request. */
interface Batch {
  readonly topics: Map<WrittenTopic, (PartitionPart | undefined)[]>;
  events: number;
  bytes: number;
  /** Highest checkpoint whose events are all in this batch or an earlier one. */
  checkpoint: bigint | null;
  /** Who waits until Kafka has acknowledged the batch. */
  readonly waiting: { readonly onSent: () => void; readonly onFailed: (error: Error) => void }[];
  /** Events by what they count as. */
  readonly counts: Map<object, number>;
  /** By topic and key. */
  readonly notes: Map<string, Note>;
}

/**
 * Sends records in the order they come, one request at a time, filling the next batch meanwhile. `add` returns a promise
 * only while the next batch is full: awaiting it is the back-pressure.
 *
 * After a crash the stream comes again from the last acknowledged commit. Each partition's last position tells what of it
 * is already there: positions grow within a partition, so whatever is not newer is skipped.
 *
 * The error of a failed request is thrown by every call after it: the caller starts again from the last checkpoint.
 */
export class KafkaWriter<Label extends object> {
  readonly #send: (batches: readonly PartitionBatch[]) => Promise<void>;
  readonly #onCheckpoint: (lsn: bigint) => void;
  readonly #onCounted: (label: Label, events: number) => void;
  #keyBytes = Buffer.allocUnsafe(1024);
  #next: Batch = emptyBatch();
  #sending: Promise<void> | null = null;
  #failure: Error | null = null;

  /**
   * `onCheckpoint` gets an LSN once Kafka has acknowledged everything that was added before it; `onCounted` tells how many
   * events of a label were acknowledged.
   */
  constructor(
    send: (batches: readonly PartitionBatch[]) => Promise<void>,
    onCheckpoint: (lsn: bigint) => void,
    onCounted: (label: Label, events: number) => void = () => undefined,
  ) {
    this.#send = send;
    this.#onCheckpoint = onCheckpoint;
    this.#onCounted = onCounted;
  }

  /**
   * Adds an event to the partition of its key; a delete (`hasTombstone`) with the tombstone behind it, in one batch, so that
   * no crash parts them.
   */
  add(
    topic: WrittenTopic,
    event: EncodedEvent,
    frame: RecordFrame,
    label: Label,
    hasTombstone = false,
  ): Promise<void> | undefined {
    this.#check();
    const keyBytes = this.#encodeKey(event.key);
    const partition = partitionOfKey(this.#keyBytes, 0, keyBytes, topic.lastPositions.length);
    const last = topic.lastPositions[partition] ?? null;
    if (last !== null && frame.position <= last) return undefined;
    if (!this.#hasRoom(topic, partition, keyBytes, event.value))
      return this.#untilRoom().then(() => this.add(topic, event, frame, label, hasTombstone));
    this.#append(topic, partition, keyBytes, event.value, frame);
    if (hasTombstone) this.#append(topic, partition, keyBytes, null, frame);
    this.#count(label);
    return undefined;
  }

  /** Adds an event to every partition of the topic: what comes later in any of them stands behind it. */
  addToAll(
    topic: WrittenTopic,
    event: EncodedEvent,
    frame: RecordFrame,
    label: Label,
  ): Promise<void> | undefined {
    this.#check();
    const isFull = topic.lastPositions.some(
      (_, partition) => !this.#hasRoom(topic, partition, event.key.length * 3, event.value),
    );
    if (isFull) return this.#untilRoom().then(() => this.addToAll(topic, event, frame, label));
    const keyBytes = this.#encodeKey(event.key);
    topic.lastPositions.forEach((last, partition) => {
      if (last === null || frame.position > last)
        this.#append(topic, partition, keyBytes, event.value, frame);
    });
    this.#count(label);
    return undefined;
  }

  /**
   * Puts a record into the same request as the events added last; a later note of the same key replaces it until the request
   * leaves. A request to one broker is stored whole or not at all, one to several perhaps in part: what a note says of its
   * events must be held against their topic's last positions.
   */
  note(note: Note): void {
    this.#check();
    this.#next.notes.set(`${note.topic} ${note.key}`, note);
  }

  /** Runs `onSent` when everything that was added before has been acknowledged, or `onFailed` when it could not be sent. */
  whenSent(onSent: () => void, onFailed: (error: Error) => void = () => undefined): void {
    this.#check();
    if (this.idle) onSent();
    else this.#next.waiting.push({ onSent, onFailed });
  }

  /** Everything before `lsn` has been added. */
  checkpoint(lsn: bigint): void {
    this.#check();
    this.#next.checkpoint = lsn;
    if (this.idle) this.#reach(lsn);
  }

  /** Nothing is waiting and nothing is on its way. */
  get idle(): boolean {
    return isEmpty(this.#next) && this.#sending === null;
  }

  /** Starts sending what has been added, unless a request is on its way (the rest follows by itself). */
  kick(): void {
    this.#check();
    if (this.#sending === null && !isEmpty(this.#next)) this.#startSending().catch(() => undefined);
  }

  /** Resolves when everything that was added has been acknowledged. */
  async flush(): Promise<void> {
    this.#check();
    while (!this.idle) {
      await this.#startSending();
      this.#check();
    }
  }

  /** Leaves the key's bytes at the start of `#keyBytes`; returns how many they are. */
  #encodeKey(key: string | Buffer): number {
    const most = typeof key === 'string' ? key.length * 3 : key.length;
    if (most > this.#keyBytes.length) this.#keyBytes = Buffer.allocUnsafe(most);
    return typeof key === 'string' ? this.#keyBytes.write(key, 'utf8') : key.copy(this.#keyBytes);
  }

  #append(
    topic: WrittenTopic,
    partition: number,
    keyBytes: number,
    value: string | Buffer | null,
    { position, timestampMs, headers }: RecordFrame,
  ): void {
    let partitions = this.#next.topics.get(topic);
    if (partitions === undefined) this.#next.topics.set(topic, (partitions = []));
    const part = (partitions[partition] ??= { batch: new RecordBatch(), end: position });
    part.end = position;
    this.#next.bytes += part.batch.append(timestampMs, this.#keyBytes, keyBytes, value, headers);
  }

  #count(label: Label): void {
    this.#next.events += 1;
    this.#next.counts.set(label, (this.#next.counts.get(label) ?? 0) + 1);
  }

  #hasRoom(topic: WrittenTopic, partition: number, keyBytes: number, value: string | Buffer | null): boolean {
    const { events, bytes, topics } = this.#next;
    if (events >= MAX_BATCH_EVENTS || bytes >= MAX_BATCH_BYTES) return false;
    const present = topics.get(topic)?.[partition]?.batch;
    if (present === undefined || value === null) return true;
    // A character takes up to three bytes in UTF-8.
    const most = present.byteLength + keyBytes + value.length * (typeof value === 'string' ? 3 : 1);
    return most + RECORD_OVERHEAD_BYTES <= MAX_PARTITION_BYTES;
  }

  /** The full batch goes out as soon as the one before is acknowledged; then the next one can be filled. */
  async #untilRoom(): Promise<void> {
    const full = this.#next;
    while (this.#next === full) {
      if (this.#sending === null) this.kick();
      else await this.#sending;
      this.#check();
    }
  }

  #reach(lsn: bigint): void {
    this.#next.checkpoint = null;
    this.#onCheckpoint(lsn);
  }

  #check(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  /** Waits for the request that is on its way, or sends the waiting batch when there is none. */
  #startSending(): Promise<void> {
    if (this.#sending !== null) return this.#sending;
    const batch = this.#next;
    this.#next = emptyBatch();
    this.#sending = this.#send(partitionBatches(batch)).then(
      () => {
        this.#sending = null;
        for (const [label, events] of batch.counts) this.#onCounted(label as Label, events);
        for (const parts of batch.topics.values()) for (const part of parts) part?.batch.release();
        for (const { onSent } of batch.waiting) onSent();
        for (const note of batch.notes.values()) note.onSent?.();
        if (batch.checkpoint !== null) this.#onCheckpoint(batch.checkpoint);
        if (!isEmpty(this.#next)) {
          this.kick();
          return;
        }
        for (const { onSent } of this.#next.waiting.splice(0)) onSent();
        if (this.#next.checkpoint !== null) this.#reach(this.#next.checkpoint);
      },
      (error: unknown) => {
        this.#sending = null;
        const failure = toError(error);
        this.#failure = failure;
        for (const { onFailed } of [...batch.waiting, ...this.#next.waiting]) onFailed(failure);
      },
    );
    return this.#sending;
  }
}

function emptyBatch(): Batch {
  return {
    topics: new Map(),
    events: 0,
    bytes: 0,
    checkpoint: null,
    waiting: [],
    counts: new Map(),
    notes: new Map(),
  };
}

function isEmpty({ events, notes }: Batch): boolean {
  return events === 0 && notes.size === 0;
}

function partitionBatches({ topics, notes }: Batch): PartitionBatch[] {
  const events = [...topics].flatMap(([topic, partitions]) =>
    partitions.flatMap((part, partition) =>
      part === undefined ? [] : [{ topic: topic.name, partition, batch: part.batch }],
    ),
  );
  const endsOf = (name: string) => {
    const [, parts = []] = [...topics].find(([topic]) => topic.name === name) ?? [];
    const ends = parts.flatMap((part, partition) => (part === undefined ? [] : [[partition, part.end]]));
    return Object.fromEntries(ends) as Record<string, Position>;
  };
  const noted = [...Map.groupBy(notes.values(), ({ topic }) => topic)].map(([topic, group]) => {
    const batch = new RecordBatch();
    for (const note of group) {
      const keyBytes = Buffer.from(note.key);
      batch.append(Date.now(), keyBytes, keyBytes.length, note.value(endsOf), NO_HEADERS);
    }
    return { topic, partition: 0, batch };
  });
  return [...events, ...noted];
}
