import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { Producer } from 'kafkajs';
import { TailraceError } from '../core/errors.ts';
import { formatBytes } from '../core/format-bytes.ts';
import type { KafkaConfig } from '../core/config/schema.ts';
import type { ChangeEvent } from '../schemas/change-event.ts';
import type { EncodedEvent } from '../schemas/envelope.ts';
import { formatLsn } from '../schemas/lsn.ts';
import { qualifiedName } from '../schemas/table-schema.ts';
import { deadLetterTopic } from '../schemas/topics.ts';
import type { ProducerContext } from './context.ts';
import { asKafka } from './failures.ts';
import type { TableOutput } from './table-output.ts';

/** The batch around a record, the record's own numbers and its headers, with room to spare. */
const OVERHEAD_BYTES = 1024;

/** The largest key and value that a topic takes in one record. */
export function recordLimitOf(maxMessageBytes: number, requestLimit: number): number {
  return Math.min(maxMessageBytes, requestLimit - OVERHEAD_BYTES) - OVERHEAD_BYTES;
}

/** Where a row goes that may be too large. */
export interface LargeRowWay {
  readonly topic: string;
  /** See recordLimitOf. */
  readonly recordLimit: number;
  readonly output: TableOutput;
}

/** Whether an encoded event could be above the limit: text is counted without encoding it. */
export function mayBeTooLarge({ key, value }: EncodedEvent, recordLimit: number): boolean {
  return mostBytes(key) + mostBytes(value) > recordLimit;
}

/**
 * The event in a form that the topic takes: as it is, or without the old row's values, which no reader needs. Null when the row
 * itself is too large and `kafka.largeRows` is `skip`: a note about it is in the producer's dead-letter topic then. Throws
 * ROW_TOO_LARGE where it is `stop`.
 */
export async function fitRow(
  { loaded, log, figures, metrics }: ProducerContext,
  producer: Producer,
  { topic, recordLimit, output }: LargeRowWay,
  event: ChangeEvent,
  encoded: EncodedEvent,
): Promise<EncodedEvent | null> {
  const { kafka, pipeline } = loaded.config;
  const fits = (form: EncodedEvent) => sentBytes(form, kafka.compression) <= recordLimit;
  if (fits(encoded)) return encoded;
  if (event.before !== null) {
    const lean = output.encode({ ...event, before: event.op === 'd' ? event.key : null });
    if (lean === null || fits(lean)) return lean;
  }
  const error = tooLarge(topic, event, sentBytes(encoded, kafka.compression), recordLimit);
  if (kafka.largeRows === 'stop') throw error;
  const note = noteOf(topic, event, sentBytes(encoded, kafka.compression), recordLimit);
  await asKafka(kafka.brokers, () =>
    producer.send({
      topic: deadLetterTopic(pipeline, 'producer'),
      acks: -1,
      messages: [
        {
          key: event.position,
          value: JSON.stringify(note),
          headers: { 'tailrace.reason': 'ROW_TOO_LARGE', 'tailrace.table': note.table },
        },
      ],
    }),
  );
  figures.largeRowsSkipped += 1;
  metrics.captureSkippedRows.inc({ table: note.table });
  log.error({ code: error.code, ...note }, 'a row is too large for its topic and was skipped');
  return null;
}

/** What is told of a row that was skipped; never a value of it. */
function noteOf(topic: string, { table, op, position, source }: ChangeEvent, bytes: number, limit: number) {
  return {
    table: qualifiedName(table),
    keyColumns: table.key,
    op,
    bytes,
    limitBytes: limit,
    topic,
    position,
    lsn: formatLsn(source.lsn),
    xid: source.txId,
  };
}

function tooLarge(topic: string, event: ChangeEvent, bytes: number, limit: number): TailraceError {
  const { table, source } = event;
  return new TailraceError(
    'ROW_TOO_LARGE',
    `a row of ${qualifiedName(table)} (key ${table.key.join(', ')}; at ${formatLsn(source.lsn)}) has ${formatBytes(bytes)}, and topic ${topic} takes ${formatBytes(limit)}`,
    `raise max.message.bytes of ${topic} (kafka-configs --alter --entity-type topics --entity-name ${topic} --add-config max.message.bytes=${bytes * 2}; beyond 100 MB also socket.request.max.bytes of the brokers), leave the large column out with source.columns, or set kafka.largeRows: skip; then start the producer again`,
  );
}

function mostBytes(part: string | Buffer): number {
  // A character takes up to three bytes in UTF-8.
  return typeof part === 'string' ? part.length * 3 : part.length;
}

/** What a record has on the wire: rare enough to be compressed for the answer. */
function sentBytes({ key, value }: EncodedEvent, compression: KafkaConfig['compression']): number {
  const bytes = Buffer.concat([Buffer.from(key), Buffer.from(value)]);
  if (compression === 'zstd') return zstdCompressSync(bytes).length;
  return compression === 'gzip' ? gzipSync(bytes).length : bytes.length;
}
