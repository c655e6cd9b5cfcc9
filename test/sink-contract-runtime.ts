import { setTimeout as delay } from 'node:timers/promises';
import type { Verdict } from '../consumers/sink.ts';

/** Calls a sink as the runtime does: what the error table calls passing is done again, a few times. */
export async function asRuntime<Result>(
  classify: (error: unknown) => Verdict,
  call: () => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      const { outcome } = classify(error);
      if (attempt === 8 || (outcome !== 'retry' && outcome !== 'throttle')) throw error;
      await delay(20 * attempt);
    }
  }
}
