import { expect, test } from 'vitest';
import type { TestCase, TestModule } from 'vitest/node';
import { closingLine } from './run-report.ts';
import { countTests, type CountedModule } from './run-reporter.ts';

const passed = { state: 'passed', errors: undefined } as const;
const failed = { state: 'failed', errors: [] } as const;
const skipped = { state: 'skipped', errors: undefined, note: undefined } as const;
const pending = { state: 'pending', errors: undefined } as const;

function file(
  state: ReturnType<TestModule['state']>,
  results: readonly ReturnType<TestCase['result']>[],
): CountedModule {
  const tests = results.map((result, index) => ({ fullName: `test ${index + 1}`, result: () => result }));
  return { state: () => state, relativeModuleId: 'a.test.ts', children: { allTests: () => tests } };
}

test('passed, failed and skipped tests are counted over all files', () => {
  const noted = { ...skipped, note: 'needs a real mongod' };
  const report = countTests([file('passed', [passed, passed, noted]), file('failed', [failed, passed])], 0);
  expect(report).toEqual({
    passed: 3,
    failed: 1,
    skipped: [{ test: 'a.test.ts > test 3', reason: 'needs a real mongod' }],
  });
  expect(closingLine(report)).toBe('3 passed, 1 failed, 1 skipped');
});

test('a file that fails outside of its tests is one failure', () => {
  expect(countTests([file('failed', [])], 0).failed).toBe(1);
  expect(countTests([file('failed', [skipped, skipped])], 0)).toMatchObject({
    failed: 1,
    skipped: [{ reason: 'its file failed before it' }, { reason: 'its file failed before it' }],
  });
});

test('a file that never ended and a test that never ended are failures', () => {
  expect(countTests([file('queued', [])], 0).failed).toBe(1);
  expect(countTests([file('pending', [passed, pending])], 0)).toMatchObject({ passed: 1, failed: 1 });
});

test('an error that no test caught is a failure', () => {
  expect(closingLine(countTests([file('passed', [passed])], 1))).toBe('1 passed, 1 failed');
});
