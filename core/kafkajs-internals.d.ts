/** The parts of kafkajs 2.2.4 that it does not declare, as far as they are used here (docs/decisions/0010). */

declare module 'kafkajs/src/cluster/index.js' {
  import type { KafkaMessage } from 'kafkajs';
  interface PartitionMetadata {
    readonly partitionId: number;
    readonly leader: number;
    readonly partitionErrorCode: number;
  }
  /** One request with its response, as the connection sends it. */
  interface ProtocolRequest<Decoded> {
    readonly request: {
      readonly apiKey: number;
      readonly apiVersion: number;
      readonly apiName: string;
      encode(): Promise<unknown>;
    };
    readonly response: {
      decode(bytes: Buffer): Promise<Decoded>;
      parse(decoded: Decoded): Promise<Decoded>;
    };
  }
  interface FetchedPartition {
    readonly partition: number;
    readonly messages: readonly KafkaMessage[];
  }
  interface Broker {
    readonly nodeId: number;
    readonly connectionPool: { send<Decoded>(request: ProtocolRequest<Decoded>): Promise<Decoded> };
    initProducerId(request: {
      transactionalId: string;
      transactionTimeout: number;
    }): Promise<{ producerId: { toString(): string }; producerEpoch: number }>;
    fetch(request: {
      maxWaitTime: number;
      minBytes: number;
      maxBytes: number;
      topics: { topic: string; partitions: { partition: number; fetchOffset: string; maxBytes: number }[] }[];
    }): Promise<{ responses: { topicName: string; partitions: FetchedPartition[] }[] }>;
    disconnect(): Promise<void>;
  }
  class Cluster {
    constructor(options: Record<string, unknown>);
    connect(): Promise<void>;
    disconnect(): Promise<void>;
    isConnected(): boolean;
    refreshMetadata(): Promise<void>;
    refreshMetadataIfNecessary(): Promise<void>;
    addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
    findTopicPartitionMetadata(topic: string): readonly PartitionMetadata[];
    findBroker(destination: { nodeId: number }): Promise<Broker>;
    findGroupCoordinator(request: { groupId: string; coordinatorType: number }): Promise<Broker>;
    fetchTopicsOffset(
      topics: readonly { topic: string; partitions: { partition: number }[]; fromBeginning: boolean }[],
    ): Promise<{ topic: string; partitions: { partition: number; offset: string }[] }[]>;
    removeBroker(address: { host: string; port: number }): void;
  }
  export type { Broker, Cluster, ProtocolRequest };
  export default Cluster;
}

declare module 'kafkajs/src/network/socketFactory.js' {
  export default function socketFactory(): unknown;
}

declare module 'kafkajs/src/loggers/index.js' {
  const loggers: {
    createLogger(options: { level: number; logCreator: unknown }): unknown;
  };
  export default loggers;
}

declare module 'kafkajs/src/protocol/requests/produce/v7/response.js' {
  interface ProduceResponse {
    readonly topics: readonly {
      readonly topicName: string;
      readonly partitions: readonly {
        readonly partition: number;
        readonly errorCode: number;
        readonly baseOffset: string;
      }[];
    }[];
  }
  const response: { decode(bytes: Buffer): Promise<ProduceResponse> };
  export default response;
  export type { ProduceResponse };
}

declare module 'kafkajs/src/protocol/error.js' {
  const protocolError: { createErrorFromCode(code: number): Error & { type: string; retriable: boolean } };
  export default protocolError;
}
