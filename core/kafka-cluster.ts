import Cluster from 'kafkajs/src/cluster/index.js';
import loggers from 'kafkajs/src/loggers/index.js';
import socketFactory from 'kafkajs/src/network/socketFactory.js';
import type { KafkaConfig } from './config/schema.ts';
import { kafkaOptions } from './kafka.ts';
import type { Logger } from './logger.ts';

const METADATA_MAX_AGE_MS = 300_000;
const REQUEST_TIMEOUT_MS = 30_000;

/**
 * kafkajs' own connections, authentication and metadata, without its producer on top. One request at a time is on its way
 * to each broker, so that what was sent first is stored first.
 */
export function createCluster(config: KafkaConfig, clientId: string, log: Logger): Cluster {
  const { logLevel, logCreator, ...options } = kafkaOptions(config, clientId, log);
  return new Cluster({
    ...options,
    logger: loggers.createLogger({ level: logLevel, logCreator }),
    socketFactory: socketFactory(),
    requestTimeout: REQUEST_TIMEOUT_MS,
    enforceRequestTimeout: true,
    metadataMaxAge: METADATA_MAX_AGE_MS,
    allowAutoTopicCreation: false,
    maxInFlightRequests: 1,
    isolationLevel: 0,
  });
}
