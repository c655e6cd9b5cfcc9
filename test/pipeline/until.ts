import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 50;
const LIMIT_MS = 90_000;

/**
 * Looks again and again until `look` returns something other than undefined or false, and returns that. `what` completes
 * the sentence "waited in vain until ..."; a function is asked at the end, so that it can tell the last state.
 */
export async function until<Result>(
  what: string | (() => string),
  look: () => Promise<Result | undefined | false> | Result | undefined | false,
  limitMs = LIMIT_MS,
): Promise<Result> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline)
      throw new Error(`waited in vain until ${typeof what === 'string' ? what : what()}`);
    await delay(POLL_MS);
  }
}
