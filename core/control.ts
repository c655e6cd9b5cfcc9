import { setTimeout as delay } from 'node:timers/promises';
import type { Admin, Kafka } from 'kafkajs';
import { z } from 'zod';
import { controlTopic } from '../schemas/topics.ts';
import { ensureTopics } from './topics.ts';
import type { KafkaConfig } from './config/schema.ts';
import { TailraceError } from './errors.ts';
import { readTopic } from './topic-reader.ts';

const POLL_MS = 1_000;
/** So many looks in a row may fail: for a moment Kafka's answers do, when a topic is made or moves. */
const PATIENCE = 30;

/**
 * What is asked of a pipeline, in its compacted control topic (JSON). A command stays there: whoever obeys
 * it remembers its id, so that one that was given while nothing ran is obeyed once.
 *
 * | key                       | value                                                                |
 * |---------------------------|----------------------------------------------------------------------|
 * | `snapshot/<schema.table>` | the table is to be read: `id`, `at`, and `where` when not all of it  |
 * | `snapshot`                | whether the snapshot is to stand still: `id`, `at`, `paused`          |
 *
 * Other keys belong to newer versions and are passed over.
 */
const snapshotCommand = z.object({ id: z.string(), at: z.string(), where: z.string().optional() });
const snapshotSwitch = z.object({ id: z.string(), at: z.string(), paused: z.boolean() });

export type SnapshotCommand = z.infer<typeof snapshotCommand>;

/** The last command of each kind. */
export interface Commands {
  /** By `schema.table`. */
  readonly snapshots: ReadonlyMap<string, SnapshotCommand>;
  readonly snapshotPaused: boolean;
}

/** What a command says; `id` and `at` are added when it is sent. */
export type Command =
  | { readonly kind: 'snapshot'; readonly table: string; readonly where?: string }
  | { readonly kind: 'pause snapshot'; readonly paused: boolean };

/** Writes commands and waits for the acknowledgement of all replicas in sync; returns their ids. Throws what kafkajs throws. */
export async function sendCommands(
  kafka: Kafka,
  config: KafkaConfig,
  pipeline: string,
  commands: readonly Command[],
  newId: () => string,
): Promise<string[]> {
  await ensureTopics(kafka, config, pipeline, []);
  const at = new Date().toISOString();
  const messages = commands.map((command) => {
    const id = newId();
    return { id, ...recordOf(command, id, at) };
  });
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  try {
    await producer.send({
      topic: controlTopic(pipeline),
      acks: -1,
      messages: messages.map(({ key, value }) => ({ key, value: JSON.stringify(value) })),
    });
  } finally {
    await producer.disconnect();
  }
  return messages.map(({ id }) => id);
}

function recordOf(command: Command, id: string, at: string): { key: string; value: unknown } {
  if (command.kind === 'pause snapshot')
    return {
      key: 'snapshot',
      value: { id, at, paused: command.paused } satisfies z.infer<typeof snapshotSwitch>,
    };
  const { table, where } = command;
  const value: SnapshotCommand = { id, at, ...(where === undefined ? {} : { where }) };
  return { key: `snapshot/${table}`, value };
}

/** Reads the control topic to its end. */
export async function readCommands(kafka: Kafka, pipeline: string): Promise<Commands> {
  const topic = controlTopic(pipeline);
  const snapshots = new Map<string, SnapshotCommand>();
  let snapshotPaused = false;
  for (const message of await readTopic(kafka, topic)) {
    const key = message.key?.toString() ?? '';
    if (message.value === null) continue;
    try {
      const value = JSON.parse(message.value.toString()) as unknown;
      if (key === 'snapshot') snapshotPaused = snapshotSwitch.parse(value).paused;
      else if (key.startsWith('snapshot/')) snapshots.set(key.slice(9), snapshotCommand.parse(value));
    } catch (cause) {
      throw new TailraceError(
        'EVENT_UNDECODABLE',
        `topic ${topic}, offset ${message.offset}: the command ${JSON.stringify(key)} cannot be read`,
        'it was written by another program or a newer Tailrace; upgrade, or send the command again',
        { cause },
      );
    }
  }
  return { snapshots, snapshotPaused };
}

/**
 * Calls `obey` with the commands now and whenever there are new ones, until the signal aborts. Between, it only asks for
 * the topic's end. Throws what `obey` throws, and what kafkajs throws again and again.
 */
export async function watchCommands(
  kafka: Kafka,
  pipeline: string,
  obey: (commands: Commands) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  let obeyed = '';
  const look = patiently(async () => {
    const end = await endOf(admin, controlTopic(pipeline));
    return end === obeyed ? null : { end, commands: await readCommands(kafka, pipeline) };
  });
  try {
    while (!signal.aborted) {
      const news = await look();
      if (news != null) {
        await obey(news.commands);
        obeyed = news.end;
      }
      await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

/** The ends of all partitions; empty while there is no such topic, which asking for its offsets could make. */
async function endOf(admin: Admin, topic: string): Promise<string> {
  if (!(await admin.listTopics()).includes(topic)) return '';
  const partitions = await admin.fetchTopicOffsets(topic);
  return partitions
    .toSorted((left, right) => left.partition - right.partition)
    .map(({ high }) => high)
    .join(' ');
}

/** The same call, which gives undefined where it fails, unless it has failed too often in a row. */
export function patiently<Result>(call: () => Promise<Result>): () => Promise<Result | undefined> {
  let failures = 0;
  return async () => {
    try {
      const result = await call();
      failures = 0;
      return result;
    } catch (error) {
      failures += 1;
      if (failures >= PATIENCE || error instanceof TailraceError) throw error;
      return undefined;
    }
  };
}
