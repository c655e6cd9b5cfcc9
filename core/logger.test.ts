import { afterEach, expect, test, vi } from 'vitest';
import { createLogger } from './logger.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

test.each([
  ['', 'info'],
  ['warn', 'warn'],
])('TAILRACE_LOG=%s makes the level %s', (given, level) => {
  vi.stubEnv('TAILRACE_LOG', given);
  expect(createLogger({}).level).toBe(level);
});

test('a level that there is not is an error of usage, which names those that there are', () => {
  vi.stubEnv('TAILRACE_LOG', 'verbose');
  expect(() => createLogger({})).toThrow(
    expect.objectContaining({
      code: 'USAGE',
      fix: 'set it to one of: trace, debug, info, warn, error, silent',
    }),
  );
});
