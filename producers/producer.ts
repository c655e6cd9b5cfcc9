import { TailraceError } from '../core/errors.ts';
import { backOffMs, pause } from '../core/retry.ts';
import { formatLsn } from '../schemas/lsn.ts';
import type { ProducerContext, ProducerFigures } from './context.ts';
import { slotName } from './postgres/slot/slot.ts';
import { awaitFreeSlot } from './postgres/slot/standby.ts';
import { runSession } from './session.ts';
import { watchSlot } from './slot-watch.ts';

/** What passes by itself: these are tried again for ever once the producer has been running. */
const RETRIED_CODES = new Set([
  'SOURCE_UNREACHABLE',
  'SOURCE_LIMIT_REACHED',
  'SOURCE_IN_RECOVERY',
  'SLOT_IN_USE',
  'PRODUCER_FENCED',
  'PUBLICATION_ADDED',
  'KAFKA_UNREACHABLE',
  'KAFKA_REJECTED',
  'REGISTRY_UNREACHABLE',
  'SCHEMA_NOT_FOUND',
  // A DDL statement may have crossed it.
  'SOURCE_QUERY_FAILED',
]);

export function emptyFigures(): ProducerFigures {
  return {
    slot: null,
    acknowledgedLsn: null,
    lastCommitTsUs: 0,
    snapshot: null,
    tables: null,
    largeRowsSkipped: 0,
  };
}

/**
 * Runs the producer until the signal aborts. The first session's errors end it, so that a wrong setting is seen at once;
 * later a lost connection is retried with back-off. A slot that another producer holds is waited for from the start: the
 * other may have just been killed. Throws TailraceError.
 */
export async function runProducer(context: ProducerContext): Promise<void> {
  const { figures, metrics } = context;
  // It must go on growing while nothing is connected.
  const lag = setInterval(() => {
    const seconds = captureLagSeconds(figures);
    if (seconds !== null) metrics.captureLagSeconds.set(seconds);
    if (figures.tables !== null) metrics.captureHaltedTables.set(figures.tables.haltedTables.length);
  }, 1_000);
  const ended = new AbortController();
  const { pipeline, source } = context.loaded.config;
  const slot = slotName(pipeline);
  const watch = watchSlot({ url: source.url, slot, metrics, figures, signal: ended.signal });
  try {
    await runSessions(context);
  } finally {
    clearInterval(lag);
    ended.abort();
    await watch;
  }
}

async function runSessions(context: ProducerContext): Promise<void> {
  const { status, log, signal, figures } = context;
  const { pipeline, source } = context.loaded.config;
  let hasRun = false;
  for (let attempt = 1; !signal.aborted; attempt++) {
    const startedAt = Date.now();
    try {
      await runSession(context);
      return;
    } catch (error) {
      const code = error instanceof TailraceError ? error.code : 'INTERNAL';
      hasRun ||= figures.acknowledgedLsn !== null;
      const isRetried = code === 'SLOT_IN_USE' || (hasRun && RETRIED_CODES.has(code));
      if (!isRetried) {
        status.fail('halted', error);
        throw error;
      }
      // A session that lasted had overcome what failed before it.
      if (Date.now() - startedAt > 60_000) attempt = 1;
      status.fail(code === 'SLOT_IN_USE' ? 'standby' : 'retrying', error);
      log.warn({ code, attempt, err: error }, 'session ended, trying again');
      if (code === 'SLOT_IN_USE') await awaitFreeSlot(source.url, slotName(pipeline), signal);
      else await pause(backOffMs(attempt), signal);
    }
  }
}

/** The producer's figures for `/status`. */
export function producerDetails(figures: ProducerFigures): Record<string, unknown> {
  const { slot, snapshot } = figures;
  return {
    acknowledgedLsn: figures.acknowledgedLsn === null ? null : formatLsn(figures.acknowledgedLsn),
    lagSeconds: captureLagSeconds(figures),
    lagBytes: slot?.lagBytes ?? null,
    retainedBytes: slot?.retainedBytes ?? null,
    safeBytes: slot?.safeBytes ?? null,
    snapshot: snapshot?.current ?? null,
    haltedTables: figures.tables?.haltedTables ?? [],
    largeRowsSkipped: figures.largeRowsSkipped,
    registry: figures.tables?.registryTrouble ?? null,
  };
}

/**
 * Age of the last commit that is safe in Kafka, less the time that may pass without any; null before the first. It grows
 * while nothing is captured, since a heartbeat is written all the time.
 */
export function captureLagSeconds(figures: ProducerFigures): number | null {
  if (figures.lastCommitTsUs === 0) return null;
  return Math.max(0, Date.now() / 1000 - figures.lastCommitTsUs / 1_000_000);
}
