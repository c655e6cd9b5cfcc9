import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { Admin, Kafka } from 'kafkajs';
import Cluster from 'kafkajs/src/cluster/index.js';
import loggers from 'kafkajs/src/loggers/index.js';
// Registers zstd with kafkajs.
import '../../core/kafka.ts';
import { createTopics } from '../../core/create-topics.ts';
import { kafkaOfTests } from '../../test/pipeline/kafka.ts';

/** The tests' own Kafka client, topics and connections; disposing of it removes all traces. */
export interface TestCluster extends AsyncDisposable {
  readonly kafka: Kafka;
  readonly admin: Admin;
  /** Connections in the order in which they were made, closed ones too. */
  readonly sockets: readonly Socket[];
  /** A connected cluster as producers use it. */
  cluster(requestTimeoutMs?: number): Promise<Cluster>;
  /** Makes a topic of its own. */
  topic(partitions: number, config?: Readonly<Record<string, string>>): Promise<string>;
  /** Answers are not read any more, as if the broker were frozen. */
  freeze(): void;
  /** Every connection breaks. */
  cut(): void;
}

export async function openTestCluster(): Promise<TestCluster> {
  const kafka = kafkaOfTests();
  const admin = kafka.admin();
  await admin.connect();
  const sockets: Socket[] = [];
  const topics: string[] = [];
  const clusters: Cluster[] = [];
  const cut = () => {
    for (const socket of sockets) socket.destroy(new Error('cut by the test'));
  };
  return {
    kafka,
    admin,
    sockets,
    cut,
    freeze: () => {
      for (const socket of sockets) socket.pause();
    },
    cluster: async (requestTimeoutMs = 30_000) => {
      const cluster = new Cluster({
        clientId: 'tailrace-tests',
        brokers: (process.env['KAFKA_BROKERS'] ?? '').split(','),
        ssl: false,
        retry: { initialRetryTime: 50, retries: 5 },
        logger: loggers.createLogger({ level: 0, logCreator: () => () => undefined }),
        // The broker's own address would lead round a proxy, so that the connections themselves are the test's.
        socketFactory: ({ host, port, onConnect }: { host: string; port: number; onConnect: () => void }) => {
          const socket = connect({ host, port }, onConnect);
          sockets.push(socket);
          return socket;
        },
        connectionTimeout: 5_000,
        requestTimeout: requestTimeoutMs,
        enforceRequestTimeout: true,
        metadataMaxAge: 300_000,
        allowAutoTopicCreation: false,
        maxInFlightRequests: 1,
        isolationLevel: 0,
      });
      await cluster.connect();
      clusters.push(cluster);
      return cluster;
    },
    topic: async (partitions, config = {}) => {
      const topic = `tests-${randomUUID()}`;
      const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
      await createTopics(admin, [{ topic, numPartitions: partitions, configEntries }]);
      topics.push(topic);
      return topic;
    },
    [Symbol.asyncDispose]: async () => {
      cut();
      await Promise.all(clusters.map((cluster) => cluster.disconnect().catch(() => undefined)));
      if (topics.length > 0) await admin.deleteTopics({ topics }).catch(() => undefined);
      await admin.disconnect();
    },
  };
}
