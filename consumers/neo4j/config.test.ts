import { expect, test } from 'vitest';
import { addressOf, optionsSchema } from './config.ts';

test('credentials leave the url and are decoded', () => {
  const options = optionsSchema.parse({ url: 'neo4j+s://ann:p%40ss%3Aword@graph.example:7687' });
  expect(addressOf(options)).toEqual({
    url: 'neo4j+s://graph.example:7687',
    username: 'ann',
    password: 'p@ss:word',
  });
});

test('options of their own win over the url, and the user is neo4j by default', () => {
  const options = optionsSchema.parse({ url: 'bolt://localhost:7687', password: 'secret' });
  expect(addressOf(options)).toEqual({ url: 'bolt://localhost:7687', username: 'neo4j', password: 'secret' });
  expect(options.database).toBe('neo4j');
});

test.each(['http://localhost:7474', 'neo4j:localhost', 'bolt://'])('the url %s is refused', (url) => {
  expect(optionsSchema.safeParse({ url }).success).toBe(false);
});

test('an unknown option is refused', () => {
  expect(optionsSchema.safeParse({ url: 'bolt://localhost', user: 'x' }).success).toBe(false);
});
