import { hostname } from 'node:os';
import type { Kafka, Producer } from 'kafkajs';
import { z } from 'zod';
import { statusTopic } from '../schemas/topics.ts';
import { TailraceError, toError } from './errors.ts';
import { readTopic } from './topic-reader.ts';

const PUBLISH_INTERVAL_MS = 2_000;

/** What a worker tells of itself, in `/status` and in the compacted status topic (key: `worker`). */
const workerStatus = z.object({
  /** `producer`, or `sink/<name>`. */
  worker: z.string(),
  pipeline: z.string(),
  host: z.string(),
  pid: z.number(),
  /** Where its `/metrics` and `/status` are served. */
  url: z.string(),
  startedAt: z.string(),
  /** When this status was true; an old time means that the worker is dead or cut off. */
  at: z.string(),
  state: z.enum(['starting', 'snapshot', 'running', 'standby', 'waiting', 'retrying', 'halted', 'stopped']),
  /** In one sentence, what it is doing or waiting for. */
  message: z.string(),
  lastError: z.object({ code: z.string(), message: z.string(), fix: z.string(), at: z.string() }).nullable(),
  /** Figures of the worker's kind; see docs/http.md. */
  details: z.record(z.string(), z.unknown()),
});

export type WorkerStatus = z.infer<typeof workerStatus>;
export type WorkerState = WorkerStatus['state'];

/** Holds a worker's status and publishes it; what cannot be published is tried again with the next one. */
export class StatusReporter {
  readonly #status: WorkerStatus;
  readonly #figures: () => Record<string, unknown>;
  #producer: Producer | null = null;
  #timer: NodeJS.Timeout | null = null;

  /** `figures` is asked for the details each time the status is read. */
  constructor(pipeline: string, worker: string, figures: () => Record<string, unknown>) {
    this.#figures = figures;
    const now = new Date().toISOString();
    this.#status = {
      worker,
      pipeline,
      host: hostname(),
      pid: process.pid,
      url: '',
      startedAt: now,
      at: now,
      state: 'starting',
      message: 'starting',
      lastError: null,
      details: {},
    };
  }

  get current(): WorkerStatus {
    return { ...this.#status, at: new Date().toISOString(), details: this.#figures() };
  }

  set url(url: string) {
    this.#status.url = url;
  }

  become(state: WorkerState, message: string): void {
    this.#status.state = state;
    this.#status.message = message;
  }

  /** Notes an error; it stays as the last one after the worker has recovered. */
  fail(state: WorkerState, thrown: unknown): void {
    const error = toError(thrown);
    this.#status.lastError = {
      code: thrown instanceof TailraceError ? thrown.code : 'INTERNAL',
      message: error.message,
      fix:
        thrown instanceof TailraceError
          ? thrown.fix
          : 'this is a defect of Tailrace; please report it with the log',
      at: new Date().toISOString(),
    };
    this.become(state, error.message);
  }

  /** Null when the worker does its work, else why it does not: the answer of `/readyz`. */
  get notReady(): string | null {
    const { state, message } = this.#status;
    return state === 'running' || state === 'snapshot' ? null : `${state}: ${message}`;
  }

  /** Starts publishing every 2 s; the topic must exist. */
  async start(kafka: Kafka): Promise<void> {
    if (this.#producer !== null) return;
    const producer = kafka.producer();
    await producer.connect();
    this.#producer = producer;
    await this.#publish();
    this.#timer = setInterval(() => void this.#publish(), PUBLISH_INTERVAL_MS);
  }

  /** Publishes the last status and ends. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#publish();
    await this.#producer?.disconnect().catch(() => undefined);
    this.#producer = null;
  }

  async #publish(): Promise<void> {
    const { current } = this;
    await this.#producer
      ?.send({
        topic: statusTopic(current.pipeline),
        messages: [{ key: current.worker, value: JSON.stringify(current) }],
      })
      .catch(() => undefined);
  }
}

/** The last status of each worker that ever ran, by its name. */
export async function readStatuses(kafka: Kafka, pipeline: string): Promise<Map<string, WorkerStatus>> {
  const statuses = new Map<string, WorkerStatus>();
  for (const message of await readTopic(kafka, statusTopic(pipeline))) {
    const parsed =
      message.value === null ? null : workerStatus.safeParse(JSON.parse(message.value.toString()));
    if (parsed?.success === true) statuses.set(parsed.data.worker, parsed.data);
  }
  return statuses;
}
