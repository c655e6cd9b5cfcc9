import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 100;
const WAIT_LIMIT_MS = 120_000;

/** Looks every `pollMs` until it finds something. `what` completes "waited in vain until ...". */
export async function until<Found>(
  signal: AbortSignal,
  what: string,
  look: () => Promise<Found | undefined>,
  { pollMs = POLL_MS, limitMs = WAIT_LIMIT_MS }: { pollMs?: number; limitMs?: number } = {},
): Promise<Found> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await sleep(pollMs, undefined, { signal });
  }
}
