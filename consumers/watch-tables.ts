import type { Admin, Kafka } from 'kafkajs';
import { toError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { pause } from '../core/retry.ts';
import { stateTopic } from '../schemas/topics.ts';

const POLL_MS = 2_000;
/** The state topic also grows with every chunk of a snapshot: reading it again and again for these waits longer. */
const LONGEST_POLL_MS = 10_000;

interface Watch {
  /** What tells that something has changed, where it is not the state topic that has grown. */
  readonly look?: (() => Promise<string>) | undefined;
  /** Called when the state topic has grown; answers whether that was of any interest. */
  readonly onChange: () => Promise<boolean>;
  /** Called with what `onChange` throws, at most once: the watch then ends. */
  readonly onError: (error: unknown) => void;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

async function endOfState(admin: Admin, pipeline: string): Promise<string | null> {
  const [partition] = await admin.fetchTopicOffsets(stateTopic(pipeline));
  return partition?.high ?? null;
}

/**
 * Looks at the end of the pipeline's state topic until the signal aborts: the producer adds tables and schemas while the
 * consumer runs. Never throws.
 */
export async function watchTables(kafka: Kafka, pipeline: string, watch: Watch): Promise<void> {
  const { onChange, onError, log, signal } = watch;
  const admin = kafka.admin();
  let seen: string | null = null;
  let pollMs = POLL_MS;
  for (;;) {
    await pause(pollMs, signal);
    if (signal.aborted) break;
    try {
      await admin.connect();
      const end = await (watch.look?.() ?? endOfState(admin, pipeline));
      if (end === seen) continue;
      const isOfInterest = await onChange();
      seen = end;
      pollMs = isOfInterest ? POLL_MS : Math.min(pollMs * 2, LONGEST_POLL_MS);
    } catch (thrown) {
      const error = toError(thrown);
      if (!error.name.startsWith('KafkaJS')) {
        onError(error);
        break;
      }
      // The consumer itself reports that the broker is away; the next look comes as always.
      log.debug({ reason: error.message }, 'the state topic cannot be looked at');
    }
  }
  await admin.disconnect().catch(() => undefined);
}
