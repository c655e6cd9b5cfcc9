import { defineConfig } from 'vitest/config';

const NOT_OURS = ['node_modules/**', '.stack/**'];

/**
 * Tests that need a server for themselves: they stop or freeze one, change its settings, or fill a store that has one space of
 * names for all (Elasticsearch, Neo4j). All others share the servers with one more file, apart by names of their own.
 */
const ALONE = [
  'consumers/{elasticsearch,neo4j}/**',
  'consumers/*/restart.integration.test.ts',
  'examples/**',
  'infra/**',
  'bench/**',
  'test/interop/**',
  'test/types/**',
  'test/pipeline/{bad-input,odd-names,plan,restart,schema-changes,sinks-crash,snapshot,truncate,types}.integration.test.ts',
];
const INTEGRATION_TIMEOUTS = { testTimeout: 120_000, hookTimeout: 180_000 };

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
          exclude: [...ALONE, ...NOT_OURS],
          // Most of the time they wait, for a poll or a server.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          ...INTEGRATION_TIMEOUTS,
        },
      },
      {
        test: {
          name: 'alone',
          include: ALONE.map((pattern) =>
            pattern.endsWith('.ts') ? pattern : `${pattern}/*.integration.test.ts`,
          ),
          exclude: NOT_OURS,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
          ...INTEGRATION_TIMEOUTS,
        },
      },
    ],
  },
});
