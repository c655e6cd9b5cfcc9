import type { Producer } from 'kafkajs';
import { formatLsn } from '../schemas/lsn.ts';
import { deadLetterTopic } from '../schemas/topics.ts';
import type { ProducerContext } from './context.ts';
import { asKafka } from './failures.ts';
import { undecodableError, type UndecodableItem } from './postgres/stream/wal-item.ts';

/**
 * Writes a change that cannot be decoded to the producer's dead-letter topic, byte for byte, where `source.undecodable` says
 * so; otherwise throws CAPTURE_UNDECODABLE. The row it meant is wrong in the stores until its next change or a snapshot.
 */
export async function setAside(
  { loaded, log }: ProducerContext,
  producer: Producer,
  item: UndecodableItem,
): Promise<void> {
  const { pipeline, source, kafka } = loaded.config;
  if (source.undecodable === 'stop') throw undecodableError(item);
  const { tag, bytes, reason } = item.undecodable;
  const lsn = formatLsn(item.lsn);
  await asKafka(kafka.brokers, () =>
    producer.send({
      topic: deadLetterTopic(pipeline, 'producer'),
      acks: -1,
      messages: [{ key: lsn, value: bytes, headers: { 'tailrace.tag': tag, 'tailrace.reason': reason } }],
    }),
  );
  log.error({ lsn, tag, reason }, 'a change could not be decoded and went to the dead-letter topic');
}
