import { setTimeout as sleep } from 'node:timers/promises';

/** Waits; returns early, without an error, when the signal fires. */
export async function pause(waitMs: number, signal: AbortSignal): Promise<void> {
  if (waitMs <= 0) return;
  await sleep(waitMs, undefined, { signal }).catch(() => {
    // The only failure is the signal, and the caller looks at it anyway.
  });
}
