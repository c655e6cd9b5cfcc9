import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node';
import { REPORT_VARIABLE, writeReport, type RunReport } from './run-report.ts';

/** The part of vitest's results that counting needs. */
export type CountedModule = Pick<TestModule, 'state' | 'relativeModuleId'> & {
  readonly children: { allTests(): Iterable<Pick<TestCase, 'fullName' | 'result'>> };
};

/**
 * Leaves the figures of a run in the file that TAILRACE_TEST_REPORT names. Vitest's own JSON reporter lacks the reasons of
 * skipped tests and the errors outside of tests.
 */
export default class RunReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const file = process.env[REPORT_VARIABLE];
    if (file !== undefined) writeReport(file, countTests(modules, unhandledErrors.length));
  }
}

/** Counts the tests of a run. A test that never finished has failed; so has a file that failed outside of its tests. */
export function countTests(modules: readonly CountedModule[], unhandledErrors: number): RunReport {
  const report = { passed: 0, failed: unhandledErrors, skipped: [] as RunReport['skipped'] };
  for (const module of modules) {
    const failedBefore = report.failed;
    for (const test of module.children.allTests()) {
      const result = test.result();
      const name = `${module.relativeModuleId} > ${test.fullName}`;
      if (result.state === 'passed') report.passed += 1;
      else if (result.state === 'skipped')
        report.skipped.push({ test: name, reason: result.note ?? reasonIn(module) });
      else report.failed += 1;
    }
    const state = module.state();
    const endedWell = state === 'passed' || state === 'skipped';
    if (!endedWell && report.failed === failedBefore) report.failed += 1;
  }
  return report;
}

function reasonIn(module: CountedModule): string {
  return module.state() === 'failed' ? 'its file failed before it' : 'no reason given';
}
