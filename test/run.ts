import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { withLock } from '../infra/lock.ts';
import { allServers } from '../infra/servers/all.ts';
import { resetStack, startStack, stopStack } from '../infra/stack-control.ts';
import { reasonOf, StackError } from '../infra/stack-error.ts';
import { stackStatus } from '../infra/stack-status.ts';
import { closingLine, readReport, REPORT_VARIABLE, type RunReport } from './house/run-report.ts';

const HELP = `usage: npm test [-- [unit] [PATTERN...] [--only-servers a,b]]

Runs the tests on real servers, which are started for it with empty data and stopped afterwards.
The last line is always: N passed, N failed (and ", N skipped" where some were).

  unit                 only the tests that need no server
  PATTERN              only test files whose path contains it
  --only-servers a,b   start these servers only: ${allServers.map(({ name }) => name).join(' ')}

TEST_<SERVER>_URL names a server of your own to test against instead.
`;

const STACK = 'test';
/** Names the stack for the few tests that stop a server of it. */
const STACK_VARIABLE = 'TAILRACE_TEST_STACK';
const root = join(import.meta.dirname, '..');
const NOTHING_RAN: RunReport = { passed: 0, failed: 0, skipped: [] };

interface Request {
  readonly isUnitOnly: boolean;
  readonly patterns: readonly string[];
  /** Undefined: all. */
  readonly servers: readonly string[] | undefined;
}

/** What the first SIGINT or SIGTERM asked for; vitest and the servers are then stopped in order. */
const interruption: { signal: 'SIGINT' | 'SIGTERM' | null; vitest: ChildProcess | null } = {
  signal: null,
  vitest: null,
};

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    interruption.signal ??= signal;
    interruption.vitest?.kill('SIGTERM');
  });
}

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const request = parse(args);
  if (typeof request === 'number') return request;
  const report = request.isUnitOnly
    ? await runVitest(request, withoutServers())
    : await withStack(request, (env) => runVitest(request, env));
  for (const { test, reason } of report.skipped) say(`skipped: ${test}: ${reason}`);
  if (report.passed + report.failed === 0) say('no test ran');
  if (interruption.signal !== null) say(`interrupted by ${interruption.signal}`);
  process.stdout.write(`${closingLine(report)}\n`);
  if (interruption.signal !== null) return 128 + constants.signals[interruption.signal];
  return report.failed === 0 && report.passed > 0 ? 0 : 1;
}

/** What is asked for, or the exit code when there is nothing to run. */
function parse(args: readonly string[]): Request | number {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { 'only-servers': { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
    if (values.help === true) {
      process.stdout.write(HELP);
      return 0;
    }
    const isUnitOnly = positionals[0] === 'unit';
    return {
      isUnitOnly,
      patterns: isUnitOnly ? positionals.slice(1) : positionals,
      servers: values['only-servers']?.split(',').filter((server) => server !== ''),
    };
  } catch (error) {
    process.stderr.write(`${reasonOf(error)}\n${HELP}`);
    return 2;
  }
}

/** Runs `work` with the variables of fresh servers; stops them whatever happens. A server that fails is a failure. */
async function withStack(
  { servers: only }: Request,
  work: (env: NodeJS.ProcessEnv) => Promise<RunReport>,
): Promise<RunReport> {
  const stack = { name: STACK, only, onProgress: say };
  const lock = join(root, '.stack', `${STACK}-run.lock`);
  const onWait = (pid: number) => say(`process ${pid} runs the tests of this checkout, waiting for it`);
  let report = NOTHING_RAN;
  try {
    await withLock(lock, onWait, async () => {
      try {
        const startedMs = Date.now();
        // A run must not depend on what an earlier one has left.
        await resetStack({ name: STACK });
        const { env, servers } = await startStack(stack);
        say(`${servers.length} servers are ready after ${((Date.now() - startedMs) / 1000).toFixed(1)} s`);
        report = await work({ ...withoutServers(), ...env, [STACK_VARIABLE]: STACK });
        report = failedToo(report, await tellCrashedServers(only));
      } finally {
        await stopStack(stack);
      }
    });
  } catch (error) {
    say(`the servers failed: ${reasonOf(error)}`);
    if (error instanceof StackError) say(`  fix: ${error.fix}`);
    report = failedToo(report, 1);
  }
  return report;
}

/** The number of servers that ended by themselves. */
async function tellCrashedServers(only: readonly string[] | undefined): Promise<number> {
  const crashed = (await stackStatus({ name: STACK, only })).filter(({ state }) => state === 'crashed');
  for (const { title, logTail = [] } of crashed) say([`${title} has crashed:`, ...logTail].join('\n  '));
  return crashed.length;
}

/** The environment without the address of any server: a test must never meet one that was not started for it. */
function withoutServers(): NodeJS.ProcessEnv {
  const variables = allServers.map(({ variable }) => variable);
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !variables.includes(name)));
}

/** One run of vitest. A crash before the end of the run is a failure. */
async function runVitest({ isUnitOnly, patterns }: Request, env: NodeJS.ProcessEnv): Promise<RunReport> {
  if (interruption.signal !== null) return NOTHING_RAN;
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-test-'));
  const reportFile = join(folder, 'report.json');
  const projects = isUnitOnly ? ['unit'] : ['unit', 'integration', 'alone'];
  const reporters = ['default', join(root, 'test', 'house', 'run-reporter.ts')];
  const options = [
    ...projects.map((project) => `--project=${project}`),
    ...reporters.map((reporter) => `--reporter=${reporter}`),
  ];
  const program = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  try {
    const vitest = spawn(process.execPath, [program, 'run', ...options, ...patterns], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...env, [REPORT_VARIABLE]: reportFile },
    });
    interruption.vitest = vitest;
    const [code] = (await once(vitest, 'exit')) as [number | null];
    const report = readReport(reportFile);
    if (report === undefined) say('vitest ended without a report');
    if (report === undefined) return failedToo(NOTHING_RAN, 1);
    // Vitest fails when no test ran too; any other exit code that no counted failure explains is one itself.
    const isUnexplained = code !== 0 && report.failed === 0 && report.passed > 0;
    return failedToo(report, isUnexplained ? 1 : 0);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function failedToo(report: RunReport, failures: number): RunReport {
  return { ...report, failed: report.failed + failures };
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
