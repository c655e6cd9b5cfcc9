import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import kafkajs from 'kafkajs';
import { TailraceError, toError } from './errors.ts';
import type { KafkaConfig } from './config/schema.ts';
import type { Logger } from './logger.ts';

// kafkajs is CommonJS with lazy exports, which Node cannot name; its types are imported by name where needed.
const { CompressionCodecs, CompressionTypes, Kafka, KafkaJSNonRetriableError, logLevel } = kafkajs;

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

// kafkajs brings gzip only; zstd is in Node itself.
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: (encoder: { buffer: Buffer }) => compress(encoder.buffer),
  decompress: (buffer: Buffer) => decompress(buffer),
});

// kafkajs subtracts two clocks for a timer and may come out below zero on Node 24; the timer then fires at once, as
// meant. Only this one warning is dropped.
const emitWarning = process.emitWarning.bind(process);
process.emitWarning = ((warning: string | Error, ...rest: unknown[]) => {
  if (rest.includes('TimeoutNegativeWarning')) return;
  (emitWarning as (...all: unknown[]) => void)(warning, ...rest);
}) as typeof process.emitWarning;

/** A kafkajs client with our logger; `clientId` shows in the broker's logs. */
export function createKafka(config: KafkaConfig, clientId: string, log: Logger): kafkajs.Kafka {
  return new Kafka(kafkaOptions(config, clientId, log));
}

/** The options of every connection to this Kafka. */
export function kafkaOptions(config: KafkaConfig, clientId: string, log: Logger) {
  return {
    clientId,
    brokers: config.brokers,
    ssl: tls(config.ssl),
    ...(config.sasl === undefined ? {} : { sasl: config.sasl as kafkajs.SASLOptions }),
    connectionTimeout: 5_000,
    // Admin calls and metadata give up after some 20 s; producers and consumers are restarted by their loops.
    retry: { initialRetryTime: 100, maxRetryTime: 5_000, retries: 8 },
    logLevel: logLevel.WARN,
    logCreator: () => (entry: kafkajs.LogEntry) => {
      const { message, error, broker, groupId } = entry.log as {
        message: string;
        error?: string;
        broker?: string;
        groupId?: string;
      };
      log.debug({ kafkajs: message, kafkaError: error, broker, groupId }, 'kafka client');
    },
  } satisfies kafkajs.KafkaConfig;
}

export const COMPRESSION_TYPES = {
  zstd: CompressionTypes.ZSTD,
  gzip: CompressionTypes.GZIP,
  none: CompressionTypes.None,
} as const;

function tls(ssl: KafkaConfig['ssl']): boolean | { ca?: string; rejectUnauthorized: boolean } {
  if (typeof ssl === 'boolean') return ssl;
  return { rejectUnauthorized: ssl.rejectUnauthorized, ...(ssl.ca === undefined ? {} : { ca: ssl.ca }) };
}

/** kafkajs' error as ours: unreachable, refused credentials or a refusal by the broker. */
export function kafkaError(thrown: unknown, brokers: readonly string[]): TailraceError {
  if (thrown instanceof TailraceError) return thrown;
  const error = toError(thrown);
  const root = rootCause(error);
  if (root.name === 'KafkaJSSASLAuthenticationError' || /SASL|authentication/i.test(root.message)) {
    return new TailraceError(
      'KAFKA_AUTH_FAILED',
      'Kafka refused the credentials',
      'check kafka.sasl in the config',
      { cause: error },
    );
  }
  if (root.name === 'KafkaJSProtocolError' || error instanceof KafkaJSNonRetriableError) {
    const type = (root as { type?: string }).type;
    if (type !== undefined) {
      return new TailraceError(
        'KAFKA_REJECTED',
        `Kafka refused a request: ${type}: ${root.message}`,
        'see the broker log; for MESSAGE_TOO_LARGE raise max.message.bytes of the topic',
        { cause: error },
      );
    }
  }
  return new TailraceError(
    'KAFKA_UNREACHABLE',
    `no Kafka broker answers at ${brokers.join(', ')}: ${root.message}`,
    'check kafka.brokers, that the broker runs, and that its advertised listener can be reached from here',
    { cause: error },
  );
}

function rootCause(error: Error): Error {
  let current = error;
  while (current.cause instanceof Error) current = current.cause;
  return current;
}
