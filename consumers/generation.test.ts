import { expect, test } from 'vitest';
import { Generation } from './generation.ts';

test('a fetch that begins elsewhere than the last one ended is refused', () => {
  const generation = new Generation();
  generation.assertFollows('t', 0, 7n);
  generation.passed(generation.number, 't', 0, 10n);
  generation.assertFollows('t', 0, 10n);
  generation.assertFollows('t', 1, 3n);
  expect(() => generation.assertFollows('t', 0, 12n)).toThrow(
    'topic t, partition 0, was read up to offset 10, and Kafka goes on at 12',
  );
});

test('after a rebalance every partition may begin anywhere, and a fetch from before it is not noted', () => {
  const generation = new Generation();
  const before = generation.number;
  generation.passed(before, 't', 0, 10n);
  generation.begin();
  generation.assertFollows('t', 0, 4n);
  generation.passed(before, 't', 0, 10n);
  generation.assertFollows('t', 0, 4n);
});
