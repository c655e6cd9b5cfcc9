import { TailraceError, toError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Metrics } from '../core/metrics.ts';
import { backOffMs, pause } from '../core/retry.ts';
import type { StatusReporter } from '../core/status.ts';
import type { Position } from '../schemas/position.ts';
import { fingerprintOf } from '../schemas/table-schema.ts';
import type { Sink, SinkModule, Target, TargetEvent, Verdict, Write, WriteOutcome } from './sink.ts';

const MAX_WRITES = 5_000;
/** After a throttle; quicker, and every second request could be one that a loaded store takes a minute to refuse. */
const GROWTH = 1.1;
const MIN_WRITES = 50;

/** The caller's signal ended a wait; not an error to show. */
export class Interrupted extends Error {
  constructor() {
    super('interrupted');
    this.name = 'Interrupted';
  }
}

export interface StoreContext {
  /** The sink's name in the config. */
  readonly name: string;
  readonly module: SinkModule;
  readonly status: StatusReporter;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/**
 * A sink with the patience of the runtime around it: what the store's error table calls passing is tried again for
 * ever, with back-off and shown in the status; everything else is thrown as TailraceError.
 */
export class Store {
  readonly #sink: Sink;
  readonly #context: StoreContext;
  readonly #maxWrites: number;
  /** Writes in one request; halved by a throttle, grown back by successes. */
  #limit: number;
  /** By target the fingerprint of the schema that was prepared last. */
  readonly #prepared = new Map<string, string>();
  /** Ends with the last call that was begun: partitions and the watch on the tables ask at the same time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(sink: Sink, context: StoreContext) {
    this.#sink = sink;
    this.#context = context;
    this.#maxWrites = sink.maxWrites ?? MAX_WRITES;
    this.#limit = this.#maxWrites;
  }

  /** How the sink wants its batches. */
  get wishes(): Pick<Sink, 'maxWrites' | 'maxBytes' | 'lingerMs'> {
    return this.#sink;
  }

  connect(): Promise<void> {
    return this.#patiently(() => this.#sink.connect());
  }

  /** Prepares those of the targets whose schema is another one than at the last time. */
  async prepare(targets: readonly Target[]): Promise<void> {
    const isNew = ({ name, table }: Target) => this.#prepared.get(name) !== fingerprintOf(table);
    if (!targets.some(isNew)) return;
    await this.#patiently(async () => {
      const missing = targets.filter(isNew);
      await this.#sink.prepare(missing);
      for (const { name, table } of missing) this.#prepared.set(name, fingerprintOf(table));
    });
  }

  truncate(target: Target, position: Position): Promise<void> {
    return this.#patiently(() => this.#timed(() => this.#sink.truncate(target, position)));
  }

  close(): Promise<void> {
    return this.#sink.close();
  }

  /** Writes all, in as many requests as it takes; outcomes in the order of the writes. */
  write(writes: readonly Write[]): Promise<WriteOutcome[]> {
    return this.#inRequests(writes, async (some) => {
      const outcomes = await this.#sink.write(some);
      this.#limit = Math.min(this.#maxWrites, Math.ceil(this.#limit * GROWTH));
      return outcomes;
    });
  }

  keepsHistory(target: Target): boolean {
    return this.#sink.history?.keeps(target) ?? false;
  }

  /** Records events of targets whose history the store keeps; outcomes in their order. */
  record(events: readonly TargetEvent[]): Promise<WriteOutcome[]> {
    const { history } = this.#sink;
    return history === undefined
      ? Promise.resolve([])
      : this.#inRequests(events, (some) => history.record(some));
  }

  async #inRequests<Item>(
    items: readonly Item[],
    request: (some: readonly Item[]) => Promise<readonly WriteOutcome[]>,
  ): Promise<WriteOutcome[]> {
    const outcomes: WriteOutcome[] = [];
    while (outcomes.length < items.length) {
      await this.#patiently(async () => {
        const some = items.slice(outcomes.length, outcomes.length + this.#limit);
        for (const outcome of await this.#timed(() => request(some))) outcomes.push(outcome);
      });
    }
    return outcomes;
  }

  async #timed<Result>(request: () => Promise<Result>): Promise<Result> {
    const stopTimer = this.#context.metrics.sinkWriteSeconds.startTimer({ sink: this.#context.name });
    const result = await request();
    stopTimer();
    return result;
  }

  /** One request at a time: the sink's calls never overlap. */
  #patiently(request: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(() => this.#untilDone(request));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #untilDone(request: () => Promise<void>): Promise<void> {
    const { status, module, metrics, name, log, signal } = this.#context;
    for (let attempt = 1; ; attempt++) {
      try {
        await request();
        if (attempt > 1) {
          status.become('running', 'applying changes');
          log.info({ attempt }, 'the store answers again');
        }
        return;
      } catch (thrown) {
        const verdict = module.classify(thrown);
        const error = asTailrace(verdict, thrown);
        if (verdict.outcome === 'stop' || verdict.outcome === 'park') throw error;
        if (verdict.outcome === 'throttle') this.#limit = Math.max(MIN_WRITES, Math.floor(this.#limit / 2));
        metrics.sinkRetries.inc({ sink: name, code: verdict.code });
        status.fail('retrying', error);
        // The first tries and then every tenth: a store that is down for hours must not fill the log.
        if (attempt <= 3 || attempt % 10 === 0)
          log.warn({ code: verdict.code, attempt, reason: error.message }, 'the store failed, trying again');
        await pause(backOffMs(attempt), signal);
        if (signal.aborted) throw new Interrupted();
      }
    }
  }
}

function asTailrace(verdict: Verdict, thrown: unknown): TailraceError {
  if (thrown instanceof TailraceError) return thrown;
  const error = toError(thrown);
  const code = 'code' in error && isPlainCode(error.code) ? `${error.name} ${error.code}` : error.name;
  return new TailraceError(verdict.code, `the store failed (${code})`, verdict.sentence, {
    cause: error,
  });
}

/** A client's or a server's own code, such as ECONNREFUSED or 50; what could be anything else is not shown. */
function isPlainCode(code: unknown): code is string | number {
  return typeof code === 'number' || (typeof code === 'string' && /^[\w.]{1,80}$/.test(code));
}
