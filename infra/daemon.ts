import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify, isAlive, type ProcessIdentity } from './process-tree.ts';
import type { Command, Instance, Server } from './servers/server.ts';
import { StackError, exitCodes, reasonOf } from './stack-error.ts';

const readyLimitMs = 180_000;
const probeLimitMs = 5_000;

/**
 * Starts a server's command as a process of its own that outlives this one, with its output in `log`; the log of the
 * start before is kept beside it as `.1`.
 */
export function launch(command: Command, instance: Instance, log: string): ProcessIdentity {
  if (existsSync(log)) renameSync(log, `${log}.1`);
  // An old one would name a process of others by now.
  if (command.pidFile !== undefined) rmSync(command.pidFile, { force: true });
  const output = openSync(log, 'a', 0o600);
  const child = spawn(command.file, [...command.args], {
    ...instance.account,
    cwd: instance.home,
    env: { ...plainEnvironment(instance), ...command.env },
    detached: true,
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  // Without a listener a program that cannot be started would end this process.
  child.on('error', () => {});
  child.unref();
  const started = child.pid === undefined ? undefined : identify(child.pid);
  if (started === undefined) throw new Error(`${command.file} could not be started`);
  return started;
}

/** Waits until the server answers a client. A server that ends before that is an error with the tail of its log. */
export async function awaitReady(
  server: Server,
  instance: Instance,
  process: ProcessIdentity,
  log: string,
): Promise<void> {
  const deadline = Date.now() + readyLimitMs;
  for (;;) {
    const failure = await probeFailure(server, instance, probeLimitMs);
    if (!isAlive(process)) throw crashed(server, log);
    if (failure === undefined) return;
    if (Date.now() > deadline) throw notReady(server, failure, log);
    await sleep(100);
  }
}

/** Why the server does not answer a client, or undefined when it does. */
export async function probeFailure(
  server: Server,
  instance: Instance,
  limitMs: number,
): Promise<string | undefined> {
  const limit = new AbortController();
  try {
    const late = sleep(limitMs, undefined, { signal: limit.signal }).then(() => {
      throw new Error(`no answer within ${limitMs / 1000} s`);
    });
    await Promise.race([server.probe(instance), late]);
    return undefined;
  } catch (thrown) {
    return reasonOf(thrown);
  } finally {
    limit.abort();
  }
}

/** The last lines of a log file, the empty ones left out. */
export function logTail(log: string, lines = 15): string[] {
  if (!existsSync(log)) return [];
  return readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-lines);
}

/** What the server sees of the environment: nothing of the user's settings that could change its behaviour. */
export function plainEnvironment(instance: Instance): Record<string, string> {
  return { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: instance.home, LANG: 'C.UTF-8' };
}

function crashed(server: Server, log: string): StackError {
  return new StackError(
    'SERVER_CRASHED',
    exitCodes.failure,
    `${server.name} ended while it started; the last lines of its log:\n${indented(logTail(log))}`,
    `see ${log}; when its data is damaged: npm run stack -- reset --only ${server.name}`,
  );
}

function notReady(server: Server, failure: string, log: string): StackError {
  return new StackError(
    'SERVER_NOT_READY',
    exitCodes.failure,
    `${server.name} gave no answer within ${readyLimitMs / 1000} s (${failure}); the last lines of its log:\n${indented(logTail(log))}`,
    `see ${log}`,
  );
}

/** Log lines set off from the text around them. */
export function indented(lines: readonly string[]): string {
  return lines.map((line) => `    ${line.slice(0, 400)}`).join('\n');
}
