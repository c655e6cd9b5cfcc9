import { expect, test } from 'vitest';
import { latenciesOf } from './latency.ts';

const commits = [
  { id: '1', dueMs: 1000, sentMs: 1000.5 },
  { id: '2', dueMs: 1010, sentMs: 1030.25 },
];

test('a latency counts to the end of the millisecond in which the broker appended the record', () => {
  const { commit, schedule, lateness } = latenciesOf(
    commits,
    new Map([
      ['1', 1004],
      ['2', 1032],
    ]),
  );
  expect(commit).toEqual({ p50: 2.75, p95: 4.5, p99: 4.5, max: 4.5 });
  expect(schedule).toEqual({ p50: 5, p95: 23, p99: 23, max: 23 });
  expect(lateness).toEqual({ p50: 0.5, p95: 20.25, p99: 20.25, max: 20.25 });
});

test('a commit that never came is an error, not a gap', () => {
  expect(() => latenciesOf(commits, new Map([['1', 1004]]))).toThrow('row 2 is not in the topic');
});
