import type { Broker, Cluster } from 'kafkajs/src/cluster/index.js';
import protocolError from 'kafkajs/src/protocol/error.js';
import { TailraceError, toError } from '../../core/errors.ts';
import { backOffMs, pause } from '../../core/retry.ts';
import type { KafkaConfig } from '../../core/config/schema.ts';
import { produceRequest, type SealedBatch } from './produce-request.ts';
import type { Lease } from '../lease.ts';
import type { ProducerIdentity, RecordBatch } from './record-batch.ts';

/** The records for one partition of a topic. */
export interface PartitionBatch {
  readonly topic: string;
  readonly partition: number;
  readonly batch: RecordBatch;
}

/** Transaction coordinators are found with this type (Kafka protocol, FindCoordinator). */
const TRANSACTION_COORDINATOR = 1;
const TRANSACTION_TIMEOUT_MS = 60_000;
/** How long a request is tried again before the session ends and begins anew. */
const RETRY_LIMIT_MS = 30_000;
/** A producer that is told to stop waits this long for the answer to what it has sent. */
const STOP_LIMIT_MS = 3_000;

const DUPLICATE_SEQUENCE_NUMBER = 46;
const FENCED_CODES = new Set([47, 90]); // INVALID_PRODUCER_EPOCH, PRODUCER_FENCED
const TOO_LARGE_CODES = new Set([10, 18]); // MESSAGE_TOO_LARGE, RECORD_LIST_TOO_LARGE

/**
 * Writes batches on kafkajs' connections: acks from all replicas, idempotent, in order, so that a request which is sent
 * again is stored once. It takes the pipeline's producer id with a new epoch, which fences the producer that had it before:
 * in a partition that this one has written to, the other's requests are refused.
 */
export class ProduceClient {
  readonly #cluster: Cluster;
  readonly #identity: ProducerIdentity;
  readonly #compression: KafkaConfig['compression'];
  readonly #signal: AbortSignal;
  readonly #lease: Lease;
  /** Those whose leaders the cluster keeps track of. */
  readonly #topics = new Set<string>();
  /** By `topic/partition`: the sequence number of the next record. */
  readonly #sequences = new Map<string, number>();

  private constructor(
    cluster: Cluster,
    identity: ProducerIdentity,
    compression: KafkaConfig['compression'],
    signal: AbortSignal,
    lease: Lease,
  ) {
    this.#cluster = cluster;
    this.#identity = identity;
    this.#compression = compression;
    this.#signal = signal;
    this.#lease = lease;
  }

  /**
   * Takes over the producer id that `transactionalId` stands for; once `signal` aborts, nothing is tried again. Nothing is
   * sent without the lease. Throws what kafkajs throws.
   */
  static async open(
    cluster: Cluster,
    transactionalId: string,
    compression: KafkaConfig['compression'],
    signal: AbortSignal,
    lease: Lease,
  ): Promise<ProduceClient> {
    const identity = await takeOver(cluster, transactionalId, signal);
    return new ProduceClient(cluster, identity, compression, signal, lease);
  }

  /**
   * Resolves when all replicas in sync have every batch. Throws TailraceError KAFKA_* and PRODUCER_FENCED, what kafkajs
   * throws, or the signal's reason when it aborts and no answer comes.
   */
  async send(batches: readonly PartitionBatch[]): Promise<void> {
    const stopped = Promise.withResolvers<never>();
    let limit: NodeJS.Timeout | undefined;
    const onAbort = () => {
      limit = setTimeout(() => stopped.reject(toError(this.#signal.reason)), STOP_LIMIT_MS);
    };
    this.#signal.addEventListener('abort', onAbort, { once: true });
    if (this.#signal.aborted) onAbort();
    try {
      await Promise.race([this.#store(batches), stopped.promise]);
    } finally {
      clearTimeout(limit);
      this.#signal.removeEventListener('abort', onAbort);
    }
  }

  async #store(batches: readonly PartitionBatch[]): Promise<void> {
    const unknown = new Set(batches.map(({ topic }) => topic)).difference(this.#topics);
    if (unknown.size > 0) {
      await this.#cluster.addMultipleTargetTopics([...unknown]);
      for (const topic of unknown) this.#topics.add(topic);
    }
    let waiting = await Promise.all(batches.map((each) => this.#seal(each)));
    const startedAt = Date.now();
    for (let attempt = 1; ; attempt++) {
      const failures = await this.#attempt(waiting);
      if (failures.length === 0) return;
      const final = failures.find(({ error }) => !isRetriable(error));
      const isLate = this.#signal.aborted || Date.now() - startedAt > RETRY_LIMIT_MS;
      const worst = final ?? (isLate ? failures[0] : undefined);
      if (worst !== undefined) throw worst.error;
      await pause(backOffMs(attempt), this.#signal);
      await this.#cluster.refreshMetadata().catch(() => undefined);
      waiting = failures.map(({ sealed }) => sealed);
    }
  }

  async #seal({ topic, partition, batch }: PartitionBatch): Promise<SealedBatch> {
    const name = `${topic}/${partition}`;
    const sequence = this.#sequences.get(name) ?? 0;
    // Sequence numbers are 31 bit and begin again at 0.
    this.#sequences.set(name, (sequence + batch.count) & 0x7fffffff);
    return { topic, partition, bytes: await batch.seal(this.#compression, this.#identity, sequence) };
  }

  /** One request to each leader; returns what was not stored. */
  async #attempt(batches: readonly SealedBatch[]): Promise<{ sealed: SealedBatch; error: Error }[]> {
    const byLeader = Map.groupBy(batches, ({ topic, partition }) => this.#leaderOf(topic, partition));
    const failures = await Promise.all([...byLeader].map(([leader, group]) => this.#request(leader, group)));
    return failures.flat();
  }

  #leaderOf(topic: string, partition: number): number | null {
    const found = this.#cluster
      .findTopicPartitionMetadata(topic)
      .find(({ partitionId }) => partitionId === partition);
    return found === undefined || found.leader < 0 ? null : found.leader;
  }

  async #request(
    leader: number | null,
    batches: readonly SealedBatch[],
  ): Promise<{ sealed: SealedBatch; error: Error }[]> {
    if (leader === null) return failed(batches, noLeader());
    let broker: Broker | null = null;
    try {
      broker = await this.#cluster.findBroker({ nodeId: leader });
      // As late as can be: whoever sleeps between this line and the next has its epoch alone against it.
      this.#lease.check();
      const { topics } = await broker.connectionPool.send(produceRequest(batches));
      const codes = new Map(
        topics.flatMap(({ topicName, partitions }) =>
          partitions.map(({ partition, errorCode }) => [`${topicName}/${partition}`, errorCode] as const),
        ),
      );
      return batches.flatMap((sealed) => {
        const code = codes.get(`${sealed.topic}/${sealed.partition}`);
        return code === 0 || code === DUPLICATE_SEQUENCE_NUMBER
          ? []
          : [{ sealed, error: errorOf(code ?? -1, sealed) }];
      });
    } catch (thrown) {
      if (thrown instanceof TailraceError) throw thrown;
      // A request that got no answer may have been stored: its sequence numbers tell when it comes again.
      await broker?.disconnect().catch(() => undefined);
      return failed(batches, toError(thrown));
    }
  }
}

/** On a fresh broker the coordinator is made at the first request for it, and loads for a moment. */
async function takeOver(
  cluster: Cluster,
  transactionalId: string,
  signal: AbortSignal,
): Promise<ProducerIdentity> {
  const startedAt = Date.now();
  for (let attempt = 1; ; attempt++) {
    try {
      const coordinator = await cluster.findGroupCoordinator({
        groupId: transactionalId,
        coordinatorType: TRANSACTION_COORDINATOR,
      });
      const { producerId, producerEpoch } = await coordinator.initProducerId({
        transactionalId,
        transactionTimeout: TRANSACTION_TIMEOUT_MS,
      });
      return { id: BigInt(producerId.toString()), epoch: producerEpoch };
    } catch (error) {
      const isLate = signal.aborted || Date.now() - startedAt > RETRY_LIMIT_MS;
      if (isLate || !isRetriable(toError(error))) throw error;
      await pause(backOffMs(attempt), signal);
    }
  }
}

function failed(batches: readonly SealedBatch[], error: Error): { sealed: SealedBatch; error: Error }[] {
  return batches.map((sealed) => ({ sealed, error }));
}

function noLeader(): Error {
  return protocolError.createErrorFromCode(5); // LEADER_NOT_AVAILABLE
}

function isRetriable(error: Error): boolean {
  return (
    (error as { retriable?: boolean }).retriable === true ||
    /^KafkaJS(Connection|RequestTimeout)/.test(error.name)
  );
}

function errorOf(code: number, { topic, partition, bytes }: SealedBatch): Error {
  if (FENCED_CODES.has(code)) {
    return new TailraceError(
      'PRODUCER_FENCED',
      'another producer of this pipeline has taken over',
      'nothing needs to be done: this one waits as a standby. If no other should run, find out who started it',
    );
  }
  if (TOO_LARGE_CODES.has(code)) {
    return new TailraceError(
      'KAFKA_REJECTED',
      `Kafka takes no batch of ${bytes.length} bytes in topic ${topic}: a row is larger than max.message.bytes`,
      `raise max.message.bytes of ${topic} (kafka-configs --alter --topic ${topic} --add-config max.message.bytes=...), or leave the column out with source.columns`,
    );
  }
  const error = protocolError.createErrorFromCode(code);
  error.message += ` (topic ${topic}, partition ${partition})`;
  return error;
}
