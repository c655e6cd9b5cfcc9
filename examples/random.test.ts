import { expect, test } from 'vitest';
import { randomFor } from './random.ts';
import { pickWeighted } from './weighted.ts';

const draw = (...seeds: number[]): number[] => {
  const random = randomFor(...seeds);
  return Array.from({ length: 5 }, () => random.below(1_000_000));
};

test('the same seeds give the same numbers', () => {
  expect(draw(1, 2, 3)).toEqual(draw(1, 2, 3));
});

test('neighbouring seeds, and the same seeds in another order, give other numbers', () => {
  const lists = [draw(1, 2, 3), draw(1, 2, 4), draw(2, 2, 3), draw(3, 2, 1)];
  expect(new Set(lists.map(String)).size).toBe(4);
});

test('both ends of a range come up, and nothing outside it', () => {
  const random = randomFor(1);
  const numbers = new Set(Array.from({ length: 1_000 }, () => random.between(3, 6)));
  expect(numbers).toEqual(new Set([3, 4, 5, 6]));
});

test('a weighted choice follows the weights', () => {
  const random = randomFor(1);
  const list = [
    { name: 'often', weight: 9 },
    { name: 'seldom', weight: 1 },
    { name: 'never', weight: 0 },
  ];
  const picked = { often: 0, seldom: 0, never: 0 };
  for (let count = 0; count < 10_000; count += 1) {
    picked[pickWeighted(random, list).name as keyof typeof picked] += 1;
  }
  expect(picked.never).toBe(0);
  expect(picked.seldom).toBeGreaterThan(800);
  expect(picked.seldom).toBeLessThan(1_200);
});

test('nothing can be picked from an empty list', () => {
  expect(() => randomFor(1).pick([])).toThrow('empty list');
});
