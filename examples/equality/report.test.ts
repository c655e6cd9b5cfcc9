import { expect, test } from 'vitest';
import type { Comparison } from './comparison.ts';
import { report } from './report.ts';

const equal: Comparison = {
  store: 'search',
  type: 'elasticsearch',
  table: 'public.places',
  postgresRows: 10,
  storeRows: 10,
  missing: 0,
  extra: 0,
  differing: 0,
  unsettled: 0,
  equal: true,
  samples: [],
  seconds: 0.14,
  error: null,
};

test('each line says equal, different, unsettled or unreadable, with details below', () => {
  const text = report([
    equal,
    { ...equal, store: 'graph', equal: false, differing: 1, samples: ['id="7": column name differs'] },
    { ...equal, store: 'cache', equal: false, unsettled: 3 },
    { ...equal, store: 'docs', equal: false, storeRows: null, error: 'connection refused' },
  ]);
  expect(text).toBe(`\
table          store   Postgres  rows  missing  extra  differing  seconds  result
public.places  search        10    10        0      0          0      0.1  equal
public.places  graph         10    10        0      0          1      0.1  DIFFERENT
public.places  cache         10    10        0      0          0      0.1  unsettled (3)
public.places  docs          10     -        -      -          -      0.1  unreadable

public.places in graph: id="7": column name differs
public.places in docs could not be read: connection refused
`);
});
