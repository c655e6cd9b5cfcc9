import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { beforeAll, expect, it } from 'vitest';
import { readComposeDocument, readText } from './compose-file.ts';

let validate: ValidateFunction;

beforeAll(() => {
  // The schema repeats `type` and leaves out `items` in places that strict mode wants otherwise.
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  validate = ajv.compile(JSON.parse(readText('test/compose/compose-spec.json')) as object);
});

it('docker-compose.yml fits the Compose Specification', () => {
  validate(readComposeDocument());
  expect(validate.errors ?? []).toEqual([]);
});

it.each([
  ['a key that does not exist', { services: { a: { image: 'a:1.0', restarts: 'always' } } }],
  ['a number where a duration is due', { services: { a: { image: 'a:1.0', stop_grace_period: 30 } } }],
  [
    'an object where the health check wants a text',
    { services: { a: { healthcheck: { test: ['CMD', {}] } } } },
  ],
  [
    'a condition that does not exist',
    { services: { a: { depends_on: { b: { condition: 'service_ready' } } } } },
  ],
  ['a volume twice', { services: { a: { image: 'a:1.0', volumes: ['data:/data', 'data:/data'] } } }],
])('the schema refuses %s', (_what, document) => {
  expect(validate(document)).toBe(false);
});
