import { expect, test } from 'vitest';
import { parseArguments, resultsName, type CaptureOptions, type SinksOptions } from './arguments.ts';

const FULL: CaptureOptions = {
  bench: 'capture',
  only: ['a', 'b', 'c', 'd', 'e', 'f'],
  scale: 1,
  isAvro: false,
  profileFolder: undefined,
};

const ALL_SINKS: SinksOptions = {
  bench: 'sinks',
  only: ['redis', 'clickhouse', 'elasticsearch', 'mongodb', 'neo4j'],
  measures: ['inserts', 'updates', 'latency'],
  workers: 1,
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

test('stores and measures are chosen by name', () => {
  expect(parseArguments(['sinks'])).toEqual(ALL_SINKS);
  const some = ['sinks', '--only', 'neo4j,redis', '--measure', 'latency', '--scale', '0.1'];
  expect(parseArguments(some)).toEqual({
    ...ALL_SINKS,
    only: ['redis', 'neo4j'],
    measures: ['latency'],
    scale: 0.1,
  });
  expect(parseArguments(['sinks', '--workers', '2'])).toEqual({ ...ALL_SINKS, workers: 2 });
  expect(resultsName({ ...ALL_SINKS, workers: 2 })).toBe('sinks-workers-2');
});

test.each([
  [['restore'], 'is no bench'],
  [['capture', 'a'], 'is no bench'],
  [['codec', '--scale', '2'], 'codec has no options'],
  [['--only', 'a,x'], '"x" is no scenario'],
  [['--scale', '0'], '--scale 0'],
  [['--scale', 'big'], '--scale big'],
  [['--fast'], '--fast'],
  [['sinks', '--only', 'a'], '"a" is no store'],
  [['sinks', '--measure', 'deletes'], '"deletes" is no measure'],
  [['capture', '--measure', 'latency'], 'an option of sinks'],
  [['capture', '--workers', '2'], 'an option of sinks'],
  [['sinks', '--workers', '0'], 'no number from 1 to 9'],
])('%j is refused', (argv, message) => {
  expect(() => parseArguments(argv)).toThrow(message);
});

test('the bench of codecs is asked for by name', () => {
  expect(parseArguments(['codec'])).toEqual({ bench: 'codec' });
  expect(resultsName({ bench: 'codec' })).toBe('codec');
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

test('only a whole run of the sinks writes sinks.json', () => {
  expect(resultsName(ALL_SINKS)).toBe('sinks');
  expect(resultsName({ ...ALL_SINKS, only: ['redis', 'neo4j'], measures: ['latency'] })).toBe(
    'sinks-only-redis-neo4j-latency',
  );
});
