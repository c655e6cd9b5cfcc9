import { describe, expect, test } from 'vitest';
import { matchesTable, tablePattern } from './table-pattern.ts';

const places = { schema: 'public', name: 'places' };

describe('matchesTable', () => {
  test.each([
    ['public.places', true],
    ['public.*', true],
    ['public.place', false],
    ['public.places2', false],
    ['Public.places', false],
    ['crm.places', false],
    ['crm.*', false],
    // A star stands for a whole name only, and a pattern is no regular expression.
    ['public.pl*', false],
    ['public.p.aces', false],
  ])('%s fits public.places: %s', (pattern, fits) => {
    expect(matchesTable([pattern], places)).toBe(fits);
  });

  test('one fitting pattern of several is enough, no pattern fits nothing', () => {
    expect(matchesTable(['crm.*', 'public.places'], places)).toBe(true);
    expect(matchesTable([], places)).toBe(false);
  });
});

test('a pattern without a schema is refused with the form that is expected', () => {
  expect(tablePattern.safeParse('places').error?.issues[0]?.message).toContain('schema.table');
  expect(tablePattern.safeParse('public.places').success).toBe(true);
});
