import { expect, test } from 'vitest';
import { parseTimelineHistory } from './source-identity.ts';

test('a history file names the timelines of the past and where each ended', () => {
  const text = [
    '# a comment',
    '1\t0/3000000\tno recovery target specified',
    '',
    '2\tA/BC0000D8\tbefore 2026-01-02 03:04:05+00',
  ].join('\n');
  expect(parseTimelineHistory(text)).toEqual([
    { timeline: 1, endLsn: 0x3000000n },
    { timeline: 2, endLsn: 0xabc0000d8n },
  ]);
});

test('the first timeline has no history', () => {
  expect(parseTimelineHistory('')).toEqual([]);
});
