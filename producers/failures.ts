import pg from 'pg';
import { kafkaError } from '../core/kafka.ts';
import type { ProducerContext } from './context.ts';
import { sourceError } from './postgres/connection.ts';

/** What kafkajs throws, as ours. */
export async function asKafka<Result>(
  brokers: readonly string[],
  call: () => Promise<Result>,
): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    throw kafkaError(error, brokers);
  }
}

/** What `pg` throws, as ours. */
export async function asSource<Result>(url: string, call: () => Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    throw sourceError(error, url);
  }
}

/** Inside the loop an error is Postgres', Kafka's or a transform's: only its kind tells which. */
export function asTailrace(context: ProducerContext, error: unknown): unknown {
  const { config } = context.loaded;
  if (error instanceof Error && error.name.startsWith('KafkaJS'))
    return kafkaError(error, config.kafka.brokers);
  return isOfPostgres(error) ? sourceError(error, config.source.url) : error;
}

/** The codes of the operating system, as ECONNRESET, are the socket's: nothing else of the loop has one of its own. */
function isOfPostgres(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as Error & { code?: unknown };
  const isOfSystem = typeof code === 'string' && /^E[A-Z]+$/.test(code);
  return error instanceof pg.DatabaseError || isOfSystem || /connection/i.test(error.message);
}
