import { expect, test } from 'vitest';
import { parseArguments, resultsName, type BenchOptions } from './arguments.ts';

const FULL: BenchOptions = {
  bench: 'capture',
  only: ['a', 'b', 'c', 'd', 'e', 'f'],
  scale: 1,
  isAvro: false,
  profileFolder: undefined,
};

test('without arguments everything runs at full size', () => {
  expect(parseArguments([])).toEqual(FULL);
  expect(parseArguments(['capture'])).toEqual(FULL);
});

test('scenarios run in their own order, each once', () => {
  expect(parseArguments(['capture', '--only', 'f, a,a'])).toEqual({ ...FULL, only: ['a', 'f'] });
});

test.each([
  [['restore'], 'is no bench'],
  [['capture', 'a'], 'is no bench'],
  [['codec', '--scale', '2'], 'codec has no options'],
  [['--only', 'a,x'], '"x" is no scenario'],
  [['--scale', '0'], '--scale 0'],
  [['--scale', 'big'], '--scale big'],
  [['--fast'], '--fast'],
])('%j is refused', (argv, message) => {
  expect(() => parseArguments(argv)).toThrow(message);
});

test('the bench of codecs is asked for by name', () => {
  expect(parseArguments(['codec'])).toEqual({ ...FULL, bench: 'codec' });
  expect(resultsName({ ...FULL, bench: 'codec' })).toBe('codec');
});

test('help wins over all else', () => {
  expect(parseArguments(['capture', '--help'])).toBe('help');
});

test('only a whole run in JSON at full size writes capture.json', () => {
  expect(resultsName(FULL)).toBe('capture');
  expect(resultsName({ ...FULL, only: ['a', 'f'] })).toBe('capture-only-af');
  expect(resultsName({ ...FULL, isAvro: true, scale: 0.5 })).toBe('capture-avro-scale-0.5');
  expect(resultsName({ ...FULL, profileFolder: 'profiles' })).toBe('capture-profiled');
});
