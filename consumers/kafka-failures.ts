import { TailraceError, toError } from '../core/errors.ts';
import { kafkaError } from '../core/kafka.ts';
import type { ConsumerContext } from './context.ts';

/** Turns what kafkajs throws into a TailraceError; all else passes. */
export async function asKafka<Result>(
  { loaded }: ConsumerContext,
  call: () => Promise<Result>,
): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof TailraceError || !toError(error).name.startsWith('KafkaJS')) throw error;
    throw kafkaError(error, loaded.config.kafka.brokers);
  }
}

/** Errors that mean that the group is being divided anew; kafkajs joins again when its handler throws one. */
const REBALANCE_TYPES = new Set(['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID']);

export function isRebalance(error: unknown): boolean {
  return REBALANCE_TYPES.has((error as { type?: string } | null)?.type ?? '');
}
