import type { Message, Producer } from 'kafkajs';
import { toError } from '../core/errors.ts';
import { COMPRESSION_TYPES } from '../core/kafka.ts';
import type { KafkaConfig } from '../core/config/schema.ts';

/** kafkajs copies arrays for each message of a partition, so batches beyond some 1,000 messages get slower again. */
const MAX_BATCH_MESSAGES = 1_000;
/** A batch larger than the topic's max.message.bytes (1 MiB by default) is refused whole. */
const MAX_BATCH_BYTES = 700 * 1024;
const RECORD_OVERHEAD_BYTES = 100;

interface Batch {
  messages: Map<string, Message[]>;
  count: number;
  bytes: number;
  /** Highest checkpoint whose events are all in this batch or an earlier one. */
  checkpoint: bigint | null;
  onSent: (() => void)[];
}

/**
 * Sends messages in the order they come, one request at a time, filling the next batch meanwhile. `add` and `checkpoint`
 * return a promise only while the next batch is full: awaiting it is the back-pressure.
 *
 * The error of a failed request is thrown by every call after it: the caller starts again from the last checkpoint.
 */
export class KafkaWriter {
  readonly #producer: Producer;
  readonly #compression: KafkaConfig['compression'];
  readonly #onCheckpoint: (lsn: bigint) => void;
  #next: Batch = emptyBatch();
  #sending: Promise<void> | null = null;
  #failure: Error | null = null;

  /** `onCheckpoint` gets an LSN once Kafka has acknowledged everything that was added before it. */
  constructor(
    producer: Producer,
    compression: KafkaConfig['compression'],
    onCheckpoint: (lsn: bigint) => void,
  ) {
    this.#producer = producer;
    this.#compression = compression;
    this.#onCheckpoint = onCheckpoint;
  }

  /** Adds a message; `onSent` runs when Kafka has acknowledged it. */
  async add(topic: string, message: Message, onSent?: () => void): Promise<void> {
    this.#check();
    const bytes = byteLength(message.key) + byteLength(message.value) + RECORD_OVERHEAD_BYTES;
    while (
      this.#next.count > 0 &&
      (this.#next.count >= MAX_BATCH_MESSAGES || this.#next.bytes + bytes > MAX_BATCH_BYTES)
    ) {
      // The first full batch goes out at once, and the next one is filled meanwhile.
      if (this.#sending === null) this.kick();
      else await this.#sending;
      this.#check();
    }
    const messages = this.#next.messages.get(topic);
    if (messages === undefined) this.#next.messages.set(topic, [message]);
    else messages.push(message);
    this.#next.count += 1;
    this.#next.bytes += bytes;
    if (onSent !== undefined) this.#next.onSent.push(onSent);
  }

  /** Everything before `lsn` has been added. */
  checkpoint(lsn: bigint): void {
    this.#check();
    this.#next.checkpoint = lsn;
    if (this.idle) this.#reach(lsn);
  }

  /** Nothing is waiting and nothing is on its way. */
  get idle(): boolean {
    return this.#next.count === 0 && this.#sending === null;
  }

  /** Starts sending what has been added, unless a request is on its way (the rest follows by itself). */
  kick(): void {
    this.#check();
    if (this.#sending === null && this.#next.count > 0) this.#send().catch(() => undefined);
  }

  /** Resolves when everything that was added has been acknowledged. */
  async flush(): Promise<void> {
    this.#check();
    while (!this.idle) {
      await this.#send();
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
  #send(): Promise<void> {
    if (this.#sending !== null) return this.#sending;
    const batch = this.#next;
    this.#next = emptyBatch();
    this.#sending = this.#request(batch).then(
      () => {
        this.#sending = null;
        for (const onSent of batch.onSent) onSent();
        if (batch.checkpoint !== null) this.#onCheckpoint(batch.checkpoint);
        if (this.#next.count > 0) this.kick();
        else if (this.#next.checkpoint !== null) this.#reach(this.#next.checkpoint);
      },
      (error: unknown) => {
        this.#sending = null;
        this.#failure = toError(error);
      },
    );
    return this.#sending;
  }

  async #request(batch: Batch): Promise<void> {
    await this.#producer.sendBatch({
      acks: -1,
      compression: COMPRESSION_TYPES[this.#compression],
      topicMessages: [...batch.messages].map(([topic, messages]) => ({ topic, messages })),
    });
  }
}

function emptyBatch(): Batch {
  return { messages: new Map(), count: 0, bytes: 0, checkpoint: null, onSent: [] };
}

function byteLength(data: Buffer | string | null | undefined): number {
  return data == null ? 0 : Buffer.byteLength(data);
}
