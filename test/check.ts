import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** One check: what it is called and the program that does it, with its arguments. */
interface Check {
  readonly name: string;
  readonly command: readonly [program: string, ...args: string[]];
}

interface Result {
  readonly name: string;
  readonly passed: boolean;
  readonly seconds: number;
  readonly output: string;
}

const root = join(import.meta.dirname, '..');

const CHECKS: readonly Check[] = [
  { name: 'format', command: ['prettier', '--check', '.'] },
  { name: 'lint', command: ['oxlint', '--type-aware', '--deny-warnings'] },
  { name: 'types', command: ['tsc', '-p', '.'] },
];

/** Runs alone, because one of its tests plants files inside the project for the linter to find. */
const HOUSE_CHECK: Check = {
  name: 'architecture and house rules',
  command: ['vitest', 'run', '--project', 'unit', 'test/architecture/', 'test/house/'],
};

process.exitCode = (await checkAll()) ? 0 : 1;

/** Runs every check, whatever became of the others, and tells of each in the order of the list. */
async function checkAll(): Promise<boolean> {
  const running = CHECKS.map(run);
  const results: Result[] = [];
  for (const result of running) results.push(tell(await result));
  results.push(tell(await run(HOUSE_CHECK)));
  const failed = results.filter(({ passed }) => !passed).map(({ name }) => name);
  process.stdout.write(
    failed.length === 0 ? 'check: all passed\n' : `check: failed in ${failed.join(', ')}\n`,
  );
  return failed.length === 0;
}

function run({ name, command: [program, ...args] }: Check): Promise<Result> {
  const startedMs = Date.now();
  return new Promise((resolve) => {
    const child = spawn(join(root, 'node_modules', '.bin', program), args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output: Buffer[] = [];
    const end = (passed: boolean) =>
      resolve({
        name,
        passed,
        seconds: (Date.now() - startedMs) / 1000,
        output: Buffer.concat(output).toString(),
      });
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
    child.on('error', (error) => {
      output.push(Buffer.from(`${program} cannot be run: ${error.message}\n`));
      end(false);
    });
    child.on('close', (code) => end(code === 0));
  });
}

/** A line for each check; the output only of one that failed. */
function tell(result: Result): Result {
  const { name, passed, seconds, output } = result;
  process.stdout.write(`${passed ? 'ok    ' : 'FAILED'}  ${name}  ${seconds.toFixed(1)} s\n`);
  if (!passed) process.stdout.write(`${output.trimEnd()}\n`);
  return result;
}
