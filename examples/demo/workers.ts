import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** One process of the pipeline, started with the program that a user would start. */
export interface DemoWorker {
  readonly name: string;
  readonly log: string;
  /** Where it serves /status and /metrics; null until it has said so. */
  readonly url: string | null;
  /** Resolves with the exit code when it has ended for good. */
  readonly exited: Promise<number>;
  stop(): Promise<void>;
}

const STOP_LIMIT_MS = 20_000;

const RESTART_DELAY_MS = 1_000;

/**
 * Starts `bin/tailrace run ROLE`; its log goes to `<folder>/<name>.log`. A worker that is killed is started again, as a
 * container engine would do: try `kill -9` on any of them.
 */
export function startWorker(
  name: string,
  role: readonly string[],
  options: { config: string; folder: string; env: NodeJS.ProcessEnv; say: (line: string) => void },
): DemoWorker {
  const log = join(options.folder, `${name}.log`);
  const file = createWriteStream(log);
  const state: { child: ChildProcess; url: string | null; stopping: boolean } = {
    child: launch(),
    url: null,
    stopping: false,
  };
  const exited = Promise.withResolvers<number>();

  function launch(): ChildProcess {
    const program = join(import.meta.dirname, '..', '..', 'bin', 'tailrace');
    const child = spawn(program, ['run', ...role, '--config', options.config, '--metrics-port', '0'], {
      env: options.env,
      stdio: ['ignore', 'ignore', 'pipe'],
      // Its own process group, so that Ctrl-C reaches the demo alone, which then stops everything in order.
      detached: true,
    });
    writeFileSync(join(options.folder, `${name}.pid`), String(child.pid));
    createInterface({ input: child.stderr }).on('line', (line) => {
      file.write(`${line}\n`);
      state.url ??= /"url":"(http:[^"]+)"/.exec(line)?.[1] ?? null;
    });
    child.once('error', () => exited.resolve(127));
    child.once('exit', (code, signal) => {
      rmSync(join(options.folder, `${name}.pid`), { force: true });
      if (signal === null || state.stopping) {
        exited.resolve(code ?? 0);
        return;
      }
      options.say(`${name} was ended by ${signal}, starting it again`);
      setTimeout(() => {
        if (state.stopping) exited.resolve(0);
        else Object.assign(state, { url: null, child: launch() });
      }, RESTART_DELAY_MS);
    });
    return child;
  }

  return {
    name,
    log,
    exited: exited.promise,
    get url() {
      return state.url;
    },
    stop: () => {
      state.stopping = true;
      return stop(state.child, exited.promise);
    },
  };
}

async function stop(child: ChildProcess, exited: Promise<number>): Promise<void> {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
  await exited;
  clearTimeout(timer);
}

/** What `/status` of a sink's worker says, as far as the demo shows it. */
export interface SinkFigures {
  readonly state: string;
  readonly lagSeconds: number;
  readonly lagRecords: number;
  readonly ratePerSecond: number;
  readonly lastError: string | null;
}

/** The worker's status; null while it does not answer. */
export async function readFigures(worker: DemoWorker): Promise<SinkFigures | null> {
  if (worker.url === null) return null;
  try {
    const response = await fetch(`${worker.url}/status`, { signal: AbortSignal.timeout(2_000) });
    const { workers } = (await response.json()) as {
      workers: { state: string; lastError: { message: string } | null; details: Record<string, number> }[];
    };
    const [status] = workers;
    if (status === undefined) return null;
    return {
      state: status.state,
      lagSeconds: status.details['lagSeconds'] ?? 0,
      lagRecords: status.details['lagRecords'] ?? 0,
      ratePerSecond: status.details['ratePerSecond'] ?? 0,
      lastError: status.state === 'running' ? null : (status.lastError?.message ?? null),
    };
  } catch {
    return null;
  }
}

/**
 * Ends workers that a demo left behind when it was killed itself. The folder's `<name>.pid` names them; a pid that has
 * gone to another program since is left alone.
 */
export function endLeftovers(folder: string): void {
  if (!existsSync(folder)) return;
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.pid'))) {
    const pid = Number(readFileSync(join(folder, file), 'utf8'));
    if (commandOf(pid).includes('cli/main.ts')) process.kill(pid, 'SIGKILL');
    rmSync(join(folder, file));
  }
}

/** The command line of a process; empty when there is none. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
