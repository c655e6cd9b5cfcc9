import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { identify, isAlive, stopProcess, type ProcessIdentity } from '../infra/process-tree.ts';

const PROGRAM = join(import.meta.dirname, '..', 'bin', 'tailrace');
const STOP_LIMIT_MS = 30_000;
const LEFTOVER = '.pid.json';

/** One worker of `tailrace run`, as a user would start it. */
export interface ProgramPlan {
  /** For the files of its config, its log and its pid. */
  readonly name: string;
  /** Behind `tailrace run`: `['producer']`, `['sink', 'redis']`. */
  readonly role: readonly string[];
  readonly config: unknown;
  /** What the config names as `${VARIABLE}`. */
  readonly env: Readonly<Record<string, string>>;
  readonly folder: string;
}

/** A running `tailrace run`. */
export interface RunningProgram extends AsyncDisposable {
  readonly process: ProcessIdentity;
  readonly startedAtMs: number;
  /** Throws with the end of its log when it has ended. */
  check(): void;
  /** Ends it as an operator would (SIGTERM), and waits for the end; then it must be gone without an error. */
  stop(): Promise<void>;
}

/** Starts the program. With `profileFolder` Node writes a CPU profile of each of its threads there at the end. */
export function startProgram(plan: ProgramPlan, profileFolder?: string): RunningProgram {
  const base = join(plan.folder, plan.name);
  mkdirSync(plan.folder, { recursive: true });
  writeFileSync(`${base}.yaml`, stringify(plan.config));
  const log = openSync(`${base}.log`, 'a');
  const startedAtMs = Date.now();
  const child = spawn(PROGRAM, ['run', ...plan.role, '--config', `${base}.yaml`, '--metrics-port', '0'], {
    env: {
      ...process.env,
      ...(profileFolder === undefined ? {} : { NODE_OPTIONS: profileOptions(profileFolder) }),
      ...plan.env,
    },
    // Straight into the file: a log that came through here would cost this process CPU while it measures.
    stdio: ['ignore', log, log],
    // Ctrl-C reaches the bench alone, which then stops everything in order.
    detached: true,
  });
  closeSync(log);
  const identity = child.pid === undefined ? undefined : identify(child.pid);
  if (identity === undefined) throw new Error(`${PROGRAM} did not start`);
  writeFileSync(`${base}${LEFTOVER}`, JSON.stringify(identity));
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const failed = (what: string) =>
    new Error(
      `tailrace run ${plan.role.join(' ')} ${what}; the end of ${base}.log:\n${lastLines(`${base}.log`)}`,
    );
  return {
    process: identity,
    startedAtMs,
    check: () => {
      if (!isAlive(identity)) throw failed(`has ended with exit code ${child.exitCode}`);
    },
    stop: async () => {
      await stopProcess(identity, 'SIGTERM', STOP_LIMIT_MS);
      const code = await exited;
      if (code !== 0) throw failed(`was stopped and ended with exit code ${code}`);
    },
    [Symbol.asyncDispose]: () => stopProcess(identity, 'SIGTERM', STOP_LIMIT_MS),
  };
}

/** Ends programs that a bench left behind when it was killed itself. */
export async function endLeftovers(folder: string): Promise<void> {
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(LEFTOVER)) : [];
  for (const name of files) {
    const file = join(folder, name);
    await stopProcess(JSON.parse(readFileSync(file, 'utf8')) as ProcessIdentity, 'SIGKILL', 0);
    rmSync(file);
  }
}

function profileOptions(folder: string): string {
  mkdirSync(folder, { recursive: true });
  return `${process.env['NODE_OPTIONS'] ?? ''} --cpu-prof --cpu-prof-dir=${JSON.stringify(folder)}`.trim();
}

function lastLines(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-8).join('\n');
}
