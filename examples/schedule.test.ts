import { expect, test } from 'vitest';
import { startSchedule } from './schedule.ts';

/** A schedule of 10 changes per second with a clock that the test moves. */
function scheduleAtTen(): { schedule: ReturnType<typeof startSchedule>; clock: { ms: number } } {
  const clock = { ms: 5_000 };
  return { clock, schedule: startSchedule(10, () => clock.ms) };
}

test('the first change is due after one interval', () => {
  const { schedule } = scheduleAtTen();
  expect(schedule.waitMs()).toBe(100);
  expect(schedule.due()).toBe(1);
});

test('a slow commit is caught up', () => {
  const { schedule, clock } = scheduleAtTen();
  clock.ms += 2_000;
  schedule.done(1);
  expect(schedule.due()).toBe(19);
  expect(schedule.waitMs()).toBeLessThan(0);
});

test('a transaction of many changes is followed by a longer wait', () => {
  const { schedule } = scheduleAtTen();
  schedule.done(30);
  expect(schedule.waitMs()).toBe(3_100);
});

test('small delays do not add up', () => {
  const { schedule, clock } = scheduleAtTen();
  for (let change = 0; change < 100; change += 1) {
    clock.ms += Math.max(0, schedule.waitMs()) + 7;
    schedule.done(1);
  }
  expect(clock.ms - 5_000).toBe(100 * 100 + 7);
});
