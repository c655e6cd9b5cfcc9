import { defineConfig } from 'vitest/config';

const NOT_OURS = ['node_modules/**', '.stack/**'];

// The file name says what a test needs: `x.test.ts` nothing, `x.integration.test.ts` real servers.
export default defineConfig({
  test: {
    // One test that was run alone while it was written must not switch off all others.
    allowOnly: false,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: ['**/*.integration.test.ts', ...NOT_OURS],
          // Some start a program; the machine may be small and busy.
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['**/*.integration.test.ts'],
          exclude: NOT_OURS,
          // They share the servers: one file at a time, after the unit tests.
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          testTimeout: 120_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
