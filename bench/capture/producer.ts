import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { identify, isAlive, stopProcess, type ProcessIdentity } from '../../infra/process-tree.ts';

const PROGRAM = join(import.meta.dirname, '..', '..', 'bin', 'tailrace');
const STOP_LIMIT_MS = 30_000;

/** One scenario's pipeline, as a user would set it up: a config file and nothing tuned. */
export interface PipelinePlan {
  readonly pipeline: string;
  /** The database; it reaches the program through the environment. */
  readonly url: string;
  readonly brokers: string;
  /** Undefined: JSON. */
  readonly registryUrl: string | undefined;
  readonly snapshot: 'initial' | 'never';
  /** For the config, the log and the pid. */
  readonly folder: string;
}

/** A running `tailrace run producer`. */
export interface RunningProducer extends AsyncDisposable {
  readonly process: ProcessIdentity;
  readonly startedAtMs: number;
  /** Throws with the end of its log when it has ended. */
  check(): void;
  /** Ends it as an operator would (SIGTERM), and waits for the end; then it must be gone without an error. */
  stop(): Promise<void>;
}

/** Starts the program. With `profileFolder` Node writes a CPU profile of each of its threads there at the end. */
export function startProducer(plan: PipelinePlan, profileFolder?: string): RunningProducer {
  const base = join(plan.folder, plan.pipeline);
  mkdirSync(plan.folder, { recursive: true });
  writeFileSync(`${base}.yaml`, stringify(configOf(plan)));
  const log = openSync(`${base}.log`, 'a');
  const startedAtMs = Date.now();
  const child = spawn(PROGRAM, ['run', 'producer', '--config', `${base}.yaml`, '--metrics-port', '0'], {
    env: {
      ...process.env,
      ...(plan.registryUrl === undefined ? {} : { REGISTRY_URL: plan.registryUrl }),
      ...(profileFolder === undefined ? {} : { NODE_OPTIONS: profileOptions(profileFolder) }),
      DATABASE_URL: plan.url,
      KAFKA_BROKERS: plan.brokers,
    },
    // Straight into the file: a log that came through here would cost this process CPU while it measures.
    stdio: ['ignore', log, log],
    // Ctrl-C reaches the bench alone, which then stops everything in order.
    detached: true,
  });
  closeSync(log);
  const identity = child.pid === undefined ? undefined : identify(child.pid);
  if (identity === undefined) throw new Error(`${PROGRAM} did not start`);
  writeFileSync(leftoverFile(plan.folder), JSON.stringify(identity));
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const failed = (what: string) =>
    new Error(`the producer ${what}; the end of ${base}.log:\n${lastLines(`${base}.log`)}`);
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

/** Ends a producer that a bench left behind when it was killed itself. */
export async function endLeftover(folder: string): Promise<void> {
  const file = leftoverFile(folder);
  if (!existsSync(file)) return;
  await stopProcess(JSON.parse(readFileSync(file, 'utf8')) as ProcessIdentity, 'SIGKILL', 0);
  rmSync(file);
}

function configOf({ pipeline, snapshot, registryUrl }: PipelinePlan): unknown {
  return {
    pipeline,
    source: { url: '${DATABASE_URL}', tables: ['public.entry'], snapshot },
    kafka: { brokers: ['${KAFKA_BROKERS}'] },
    ...(registryUrl === undefined ? {} : { registry: { url: '${REGISTRY_URL}' } }),
  };
}

function profileOptions(folder: string): string {
  mkdirSync(folder, { recursive: true });
  return `${process.env['NODE_OPTIONS'] ?? ''} --cpu-prof --cpu-prof-dir=${JSON.stringify(folder)}`.trim();
}

function leftoverFile(folder: string): string {
  return join(folder, 'producer.json');
}

function lastLines(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-8).join('\n');
}
