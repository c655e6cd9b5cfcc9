import { TailraceError } from '../core/errors.ts';

const TICK_MS = 250;
/**
 * Postgres gives a slot free that was silent for wal_sender_timeout (60 s by default), and the other producer needs a
 * second or two to start: who slept for less than this cannot have been replaced without the connection telling.
 */
const LIMIT_MS = 3_000;

/** The right to write, which a process loses by sleeping. */
export interface Lease {
  /** Throws PRODUCER_FENCED, for ever, when the process has slept. */
  check(): void;
  end(): void;
}

/**
 * A process that was stopped (SIGSTOP, a frozen container, a suspended machine) does not know that its slot was given to
 * another when it wakes, and the first thing that it would do is to send what it held. Its own timer stood still with it:
 * a gap between two ticks tells, before any connection does. Kafka refuses its epoch only in partitions that the other
 * producer has written to.
 */
export function openLease(now: () => number = Date.now): Lease {
  let lastTickMs = now();
  let sleptMs = 0;
  const look = () => {
    const nowMs = now();
    sleptMs = Math.max(sleptMs, nowMs - lastTickMs);
    lastTickMs = nowMs;
  };
  const timer = setInterval(look, TICK_MS);
  timer.unref();
  return {
    check: () => {
      look();
      if (sleptMs > LIMIT_MS) throw slept(sleptMs);
    },
    end: () => clearInterval(timer),
  };
}

function slept(ms: number): TailraceError {
  return new TailraceError(
    'PRODUCER_FENCED',
    `the process stood still for ${(ms / 1000).toFixed(1)} s, so another producer may have taken over`,
    'nothing needs to be done: it looks who has the slot and goes on or stands by. When it comes often, give it more processor time',
  );
}
