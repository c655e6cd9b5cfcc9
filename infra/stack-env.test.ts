import { expect, test } from 'vitest';
import { serverNamed } from './servers/all.ts';
import { outsideUrl, renderExports } from './stack-env.ts';

test('exports are quoted so that a shell takes every value as it is', () => {
  expect(renderExports({ A: 'http://u:p@h/?x=$y', B: "it's" })).toBe(
    "export A='http://u:p@h/?x=$y'\nexport B='it'\\''s'\n",
  );
});

test('a server of the user replaces its own in the stack', () => {
  const postgres = serverNamed('postgres');
  expect(outsideUrl(postgres, { TEST_POSTGRES_URL: 'postgres://h/d' })).toBe('postgres://h/d');
  expect(outsideUrl(postgres, { TEST_POSTGRES_URL: '' })).toBeUndefined();
  expect(outsideUrl(postgres, {})).toBeUndefined();
});

test('brokers of the user are named either way', () => {
  const kafka = serverNamed('kafka');
  expect(outsideUrl(kafka, { TEST_KAFKA_BROKERS: 'a:1' })).toBe('a:1');
  expect(outsideUrl(kafka, { TEST_KAFKA_URL: 'a:1' })).toBe('a:1');
});

test('an unknown server is a usage error that lists the known ones', () => {
  expect(() => serverNamed('oracle')).toThrow('there is no server "oracle"');
});
