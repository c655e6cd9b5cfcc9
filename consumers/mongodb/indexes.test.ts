import { expect, test } from 'vitest';
import { describeIndex } from './indexes.ts';

/** As the server tells it: the columns of a text index in the order of the alphabet. */
const told = {
  v: 2,
  key: { city: 1, _fts: 'text', _ftsx: 1, seen: -1 },
  name: 'city_1_title_text_body_text_seen_-1',
  weights: { body: 1, title: 1 },
  default_language: 'english',
  textIndexVersion: 3,
};

test('a text index is the same in whatever order the server tells its columns', () => {
  const asked = describeIndex({ key: { city: 1, title: 'text', body: 'text', seen: -1 } });
  expect(describeIndex(told)).toEqual(asked);
  expect(asked.name).toBe('city_1_title_text_body_text_seen_-1');
});

test('the order of other columns is part of an index, and so is where the text stands', () => {
  const keys = [
    { city: 1, title: 'text', body: 'text', seen: -1 },
    { seen: -1, title: 'text', body: 'text', city: 1 },
    { title: 'text', body: 'text', city: 1, seen: -1 },
  ].map((key) => describeIndex({ key, name: 'x' }).key);
  expect(new Set(keys).size).toBe(keys.length);
});
