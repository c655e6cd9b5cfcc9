import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { until } from './until.ts';

const PROGRAM = join(import.meta.dirname, '..', '..', 'bin', 'tailrace');

/** How a process ended. */
export interface Ending {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What the tests need of `/status`. */
export interface StatusOfWorker {
  readonly worker: string;
  readonly state: string;
  readonly lastError: { readonly code: string; readonly message: string } | null;
  readonly details: Readonly<Record<string, unknown>>;
}

/** A running `tailrace`, watched from outside as a user would. */
export interface Worker {
  readonly pid: number;
  /** What it has written to stderr so far. */
  stderr(): string;
  /** The lines of its log so far. */
  log(): Record<string, unknown>[];
  /** Its HTTP address, once it serves. Throws when it ends before that. */
  url(): Promise<string>;
  /** What `/status` says of one of its workers, or of its only one. */
  status(worker?: string): Promise<StatusOfWorker>;
  /** The value of a series at `/metrics`, named with its labels but `pipeline`; undefined where there is none. */
  metric(series: string): Promise<number | undefined>;
  /** Sends the signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<Ending>;
  /** Resolves when the process has ended by itself or by a signal. */
  readonly ended: Promise<Ending>;
}

/** Starts `bin/tailrace` with these arguments. */
export function startTailrace(
  args: readonly string[],
  options: { cwd: string; env?: Record<string, string> },
): Worker {
  const child = spawn(PROGRAM, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  let hasEnded = false;
  const ended = new Promise<Ending>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode, signal) => {
      hasEnded = true;
      resolve({ exitCode, signal, stdout, stderr });
    });
  });
  const log = () => stderr.split('\n').flatMap(parseLine);
  const url = () =>
    until(
      () => `tailrace ${args.join(' ')} serves; it wrote:\n${stderr}`,
      () => {
        const found = log().find((line) => typeof line['url'] === 'string')?.['url'];
        if (typeof found === 'string') return found;
        if (hasEnded) throw new Error(`tailrace ${args.join(' ')} ended:\n${stderr}`);
        return undefined;
      },
    );
  return {
    pid: child.pid ?? 0,
    stderr: () => stderr,
    log,
    url,
    status: async (worker) => {
      const response = await fetch(`${await url()}/status`);
      const { workers } = (await response.json()) as { workers: StatusOfWorker[] };
      const found = workers.find((each) => worker === undefined || each.worker === worker);
      if (found === undefined) throw new Error(`/status knows no ${worker}`);
      return found;
    },
    metric: async (series) => {
      const text = await (await fetch(`${await url()}/metrics`)).text();
      const own = text.replaceAll(/,?pipeline="[^"]*"/g, '').replaceAll('{}', '');
      const line = own.split('\n').find((each) => each.startsWith(`${series} `));
      return line === undefined ? undefined : Number(line.slice(series.length));
    },
    end: (signal) => {
      child.kill(signal);
      return ended;
    },
    ended,
  };
}

function parseLine(line: string): Record<string, unknown>[] {
  if (!line.startsWith('{')) return [];
  try {
    return [JSON.parse(line) as Record<string, unknown>];
  } catch {
    // The last line is not whole yet.
    return [];
  }
}
