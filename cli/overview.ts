import { readLag, type TopicLag } from '../consumers/lag.ts';
import type { LoadedConfig } from '../core/config/load.ts';
import { TailraceError } from '../core/errors.ts';
import { createKafka, kafkaError } from '../core/kafka.ts';
import { createLogger } from '../core/logger.ts';
import { readState, type HaltedTable } from '../core/state.ts';
import { readStatuses, type WorkerStatus } from '../core/status.ts';
import { matchesTable } from '../schemas/table-pattern.ts';
import { sinkGroup } from '../schemas/topics.ts';

/** A worker that has not told anything for so long is dead or cut off. */
const DEAD_AFTER_MS = 10_000;

/** One line of `tailrace status`; the form of its `--json` (docs/cli.md). */
export interface WorkerOverview {
  /** `producer`, or the sink's name. */
  readonly name: string;
  readonly type: string;
  /** The worker's own word for its state; `dead` when it has gone silent, `never started` before its first status. */
  readonly state: WorkerStatus['state'] | 'dead' | 'never started';
  readonly message: string;
  readonly alive: boolean;
  /** Seconds since the last sign of life; null before the first. */
  readonly silentSeconds: number | null;
  readonly lagRecords: number | null;
  readonly lagSeconds: number | null;
  readonly ratePerSecond: number | null;
  readonly appliedLsn: string | null;
  readonly url: string | null;
  readonly lastError: WorkerStatus['lastError'];
  /** Producer only: tables that are halted alone, while the others go on. */
  readonly haltedTables: readonly HaltedTable[];
  /** Sinks only. */
  readonly topics: readonly TopicLag[];
}

export interface Overview {
  readonly pipeline: string;
  readonly at: string;
  readonly workers: readonly WorkerOverview[];
}

/** Asks Kafka for everything; needs no worker to be alive. The returned function can be called again and again. */
export async function openOverview({
  config,
}: LoadedConfig): Promise<{ read(): Promise<Overview>; close(): Promise<void> }> {
  const kafka = createKafka(config.kafka, `tailrace-${config.pipeline}-cli`, createLogger({}));
  const admin = kafka.admin();
  const { brokers } = config.kafka;
  const guarded = async <Result>(call: () => Promise<Result>) => {
    try {
      return await call();
    } catch (error) {
      throw kafkaError(error, brokers);
    }
  };
  await guarded(() => admin.connect());
  return {
    read: () =>
      guarded(async () => {
        const [state, statuses] = await Promise.all([
          readState(kafka, config.pipeline),
          readStatuses(kafka, config.pipeline),
        ]);
        const { tables } = state;
        if (tables === null) {
          throw new TailraceError(
            'TOPIC_NOT_FOUND',
            `pipeline ${config.pipeline} has never been set up on this Kafka`,
            'start the producer: tailrace run producer; or check pipeline and kafka.brokers in the config',
          );
        }
        const producer = statuses.get('producer');
        const sinks = await Promise.all(
          Object.entries(config.sinks).map(async ([name, sink]) => {
            const topics = tables
              .filter((table) => sink.tables === undefined || matchesTable(sink.tables, table))
              .map(({ topic }) => topic);
            const lags = await readLag(admin, sinkGroup(config.pipeline, name), topics);
            return describe(name, sink.type, statuses.get(`sink/${name}`), lags);
          }),
        );
        return {
          pipeline: config.pipeline,
          at: new Date().toISOString(),
          workers: [describe('producer', 'postgres', producer, []), ...sinks],
        };
      }),
    close: () => admin.disconnect(),
  };
}

function describe(
  name: string,
  type: string,
  status: WorkerStatus | undefined,
  topics: readonly TopicLag[],
): WorkerOverview {
  const silentMs = status === undefined ? null : Math.max(0, Date.now() - Date.parse(status.at));
  const isDead =
    silentMs !== null &&
    silentMs > DEAD_AFTER_MS &&
    status?.state !== 'stopped' &&
    status?.state !== 'halted';
  const alive =
    silentMs !== null &&
    silentMs <= DEAD_AFTER_MS &&
    status?.state !== 'stopped' &&
    status?.state !== 'halted';
  const details = status?.details ?? {};
  const isSink = topics.length > 0;
  return {
    name,
    type,
    state: status === undefined ? 'never started' : isDead ? 'dead' : status.state,
    message: isDead ? `no sign of life for ${Math.round((silentMs ?? 0) / 1000)} s` : (status?.message ?? ''),
    alive,
    silentSeconds: silentMs === null ? null : silentMs / 1000,
    lagRecords: isSink ? topics.reduce((sum, topic) => sum + topic.lagRecords, 0) : null,
    lagSeconds: isSink
      ? Math.max(...topics.map((topic) => topic.lagSeconds))
      : producerLag(details, silentMs),
    ratePerSecond: isSink ? (alive ? numberOf(details['ratePerSecond']) : 0) : null,
    appliedLsn: textOf(details[isSink ? 'appliedLsn' : 'acknowledgedLsn']),
    url: status?.url ?? null,
    lastError: status?.lastError ?? null,
    haltedTables: (details['haltedTables'] ?? []) as HaltedTable[],
    topics,
  };
}

/** What the producer told, and the time since then: it grows while the producer is dead. */
function producerLag(details: Record<string, unknown>, silentMs: number | null): number | null {
  const told = numberOf(details['lagSeconds']);
  return told === null ? null : told + (silentMs ?? 0) / 1000;
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
