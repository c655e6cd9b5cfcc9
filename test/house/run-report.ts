import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';

const runReport = z.object({
  passed: z.number(),
  failed: z.number(),
  skipped: z.array(z.object({ test: z.string(), reason: z.string() })),
});

/** What became of a run's tests. Each failure outside of a test (a hook, an import, a crashed worker) counts as one. */
export type RunReport = z.infer<typeof runReport>;

/** The variable that tells the reporter where to write. */
export const REPORT_VARIABLE = 'TAILRACE_TEST_REPORT';

export function writeReport(file: string, report: RunReport): void {
  writeFileSync(file, JSON.stringify(report));
}

/** The report that a finished run has left; undefined when it crashed before it wrote one. */
export function readReport(file: string): RunReport | undefined {
  try {
    return runReport.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

/** `12 passed, 0 failed`, with `, 1 skipped` where some were. */
export function closingLine({ passed, failed, skipped }: RunReport): string {
  const rest = skipped.length === 0 ? '' : `, ${skipped.length} skipped`;
  return `${passed} passed, ${failed} failed${rest}`;
}
