import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createAcknowledger } from './acknowledger.ts';

/** An acknowledger whose steps are written down; `allow` lets the oldest record succeed, or fail. */
function observed(intervalMs = 0) {
  const steps: string[] = [];
  const waiting: ((error?: Error) => void)[] = [];
  const failures: unknown[] = [];
  const acknowledger = createAcknowledger({
    record: (lsn) =>
      new Promise((resolve, reject) => {
        steps.push(`record ${lsn}`);
        waiting.push((error) => (error === undefined ? resolve() : reject(error)));
      }),
    acknowledge: (lsn) => steps.push(`acknowledge ${lsn}`),
    fail: (error) => failures.push(error),
    intervalMs,
  });
  const allow = async (error?: Error) => {
    while (waiting.length === 0) await delay(1);
    waiting.shift()?.(error);
    await delay(5);
  };
  return { acknowledger, steps, failures, allow };
}

test('nothing is acknowledged before it is recorded', async () => {
  const { acknowledger, steps, allow } = observed();
  acknowledger.reach(10n);
  await delay(5);
  expect(steps).toEqual(['record 10']);
  await allow();
  expect(steps).toEqual(['record 10', 'acknowledge 10']);
});

test('what is reached while a record is written waits for a record of its own', async () => {
  const { acknowledger, steps, allow } = observed();
  acknowledger.reach(10n);
  await delay(5);
  acknowledger.reach(20n);
  acknowledger.reach(30n);
  await allow();
  expect(steps.filter((step) => step.startsWith('acknowledge'))).toEqual(['acknowledge 10']);
  await allow();
  expect(steps).toEqual(['record 10', 'acknowledge 10', 'record 30', 'acknowledge 30']);
});

test('the first is recorded at once, the next only when the interval has passed', async () => {
  const { acknowledger, steps, allow } = observed(3_600_000);
  acknowledger.reach(10n);
  await allow();
  acknowledger.reach(20n);
  await delay(20);
  expect(steps).toEqual(['record 10', 'acknowledge 10']);
  acknowledger.close();
});

test('settle does not wait for the interval, and does nothing when all is acknowledged', async () => {
  const { acknowledger, steps, allow } = observed(3_600_000);
  acknowledger.reach(10n);
  await allow();
  acknowledger.reach(20n);
  const settled = acknowledger.settle();
  await allow();
  await settled;
  await acknowledger.settle();
  expect(steps).toEqual(['record 10', 'acknowledge 10', 'record 20', 'acknowledge 20']);
  acknowledger.close();
});

test('a record that fails is told, and nothing is acknowledged after it', async () => {
  const { acknowledger, steps, failures, allow } = observed();
  const failure = new Error('no broker');
  acknowledger.reach(10n);
  await allow(failure);
  expect(failures).toEqual([failure]);
  acknowledger.reach(20n);
  await expect(acknowledger.settle()).rejects.toThrow(failure);
  expect(steps).toEqual(['record 10']);
  acknowledger.close();
});
