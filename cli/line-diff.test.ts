import fc from 'fast-check';
import { expect, test } from 'vitest';
import { differentLines } from './line-diff.ts';

test('a changed line stands between the lines that stay', () => {
  expect(differentLines(['a', 'b', 'c', 'd'], ['a', 'x', 'c', 'd', 'e'])).toEqual([
    { mark: '-', text: 'b', place: 1 },
    { mark: '+', text: 'x', place: 1 },
    { mark: '+', text: 'e', place: 4 },
  ]);
});

test('equal texts have no different lines', () => {
  expect(differentLines(['a', 'b'], ['a', 'b'])).toEqual([]);
});

test('what the marks take away and add turns one text into the other', () => {
  const lines = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 12 });
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      const different = differentLines(before, after);
      const removed = new Set(different.filter(({ mark }) => mark === '-').map(({ place }) => place));
      const added = new Set(different.filter(({ mark }) => mark === '+').map(({ place }) => place));
      expect(before.filter((_, place) => !removed.has(place))).toEqual(
        after.filter((_, place) => !added.has(place)),
      );
    }),
  );
});
