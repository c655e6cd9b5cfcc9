import { setTimeout as delay } from 'node:timers/promises';

const FIRST_DELAY_MS = 300;
const LAST_DELAY_MS = 10_000;

/** Milliseconds to wait before try `attempt` (1, 2, ...): doubling from 300 ms to 10 s, spread by up to a quarter. */
export function backOffMs(attempt: number): number {
  const base = Math.min(FIRST_DELAY_MS * 2 ** (attempt - 1), LAST_DELAY_MS);
  return base * (1 - Math.random() / 4);
}

/** Waits unless the signal aborts first; never throws. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
