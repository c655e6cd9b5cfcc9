import { execFile } from 'node:child_process';
import type { Account } from './account.ts';
import { StackError, exitCodes } from './stack-error.ts';

/** How a helper program runs: as whom, where, with which environment; `timeoutMs` is 10 minutes when absent. */
export interface ToolOptions {
  readonly account?: Account | undefined;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly timeoutMs?: number;
}

/** Runs a helper program to its end and gives its standard output. A failure quotes the last lines that it wrote. */
export async function runTool(
  file: string,
  args: readonly string[],
  options: ToolOptions = {},
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  execFile(
    file,
    [...args],
    {
      ...options.account,
      cwd: options.cwd,
      env: options.env ?? process.env,
      timeout: options.timeoutMs ?? 600_000,
      maxBuffer: 64 * 1024 * 1024,
    },
    (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(toolFailed(file, error.code ?? error.signal ?? 'unknown', `${stdout}\n${stderr}`));
    },
  );
  return promise;
}

function toolFailed(file: string, outcome: string | number, output: string): StackError {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  return new StackError(
    'STACK_TOOL_FAILED',
    exitCodes.failure,
    `${file} failed (${outcome}): ${lines.slice(-6).join(' | ')}`,
    'see the quoted lines; a download needs the network or the mirror that this tool is configured for',
  );
}
