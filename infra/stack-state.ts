import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { canEnter, giveTo, makeOpenFolder, type Account } from './account.ts';
import { identify, isAlive, type ProcessIdentity } from './process-tree.ts';
import type { ServerName } from './servers/server.ts';
import { StackError, exitCodes, reasonOf } from './stack-error.ts';

const serverState = z.strictObject({
  version: z.string(),
  port: z.number(),
  innerPort: z.number(),
  password: z.string(),
  /** Where the server's data is. */
  home: z.string(),
  /** Set while the stack wants the server up; when this process is gone, it crashed. */
  process: z.strictObject({ pid: z.number(), born: z.string() }).optional(),
  startedAt: z.string().optional(),
  /** The file that names the real process of a server whose starter ends by itself. */
  pidFile: z.string().optional(),
  /** Where a server that leaves its output writes instead. */
  log: z.string().optional(),
});

/** What the stack remembers of one server between commands. */
export type ServerState = z.infer<typeof serverState>;

const projectRoot = dirname(import.meta.dirname);

/** The folder of the stack `name`: its state, its logs and, where the servers can enter it, their data. */
export function stackFolder(name: string, env = process.env): string {
  if (!/^[a-z0-9][a-z0-9-]{0,30}$/.test(name)) {
    const fix = 'use up to 31 small letters, digits and dashes';
    throw new StackError('USAGE', exitCodes.usage, `"${name}" is no name for a stack`, fix);
  }
  const chosen = env['TAILRACE_STACK_DIR'];
  return join(chosen === undefined || chosen === '' ? join(projectRoot, '.stack') : chosen, name);
}

/** Where a server's data goes: into the stack's folder, or beside it where its account cannot enter that one. */
export function homeFor(stack: string, server: ServerName, account: Account | undefined): string {
  if (canEnter(account, stack)) return join(stack, server);
  const digest = createHash('sha256').update(stack).digest('hex').slice(0, 12);
  return join('/var/lib/tailrace', digest, server);
}

/** Makes the folder of a stack. The servers' account must pass through it; the files with passwords are closed to it. */
export function makeStackFolder(stack: string): void {
  try {
    makeOpenFolder(stack);
  } catch (thrown) {
    const what = `the stack's folder ${stack} cannot be made: ${reasonOf(thrown)}`;
    const fix = 'set TAILRACE_STACK_DIR to a folder that you can write';
    throw new StackError('STACK_FOLDER', exitCodes.permission, what, fix);
  }
}

/** Makes a server's data folder and gives it to the account that the server runs as. */
export function makeHome(home: string, account: Account | undefined): void {
  if (existsSync(home)) return;
  makeOpenFolder(dirname(home));
  mkdirSync(home, { mode: 0o700 });
  giveTo(account, home);
}

/** What is remembered of the server, or undefined before its first start. */
export function readState(stack: string, server: ServerName): ServerState | undefined {
  const file = stateFile(stack, server);
  if (!existsSync(file)) return undefined;
  try {
    return followStarter(serverState.parse(JSON.parse(readFileSync(file, 'utf8'))));
  } catch (thrown) {
    const what = `the state file ${file} cannot be read: ${thrown instanceof z.ZodError ? 'unknown form' : reasonOf(thrown)}`;
    throw new StackError(
      'STACK_STATE',
      exitCodes.failure,
      what,
      `stop the server by hand, then remove ${stack}`,
    );
  }
}

/** Puts the real process in the place of its starter that has ended; the stack may have been interrupted before it did. */
function followStarter(state: ServerState): ServerState {
  if (state.pidFile === undefined || state.process === undefined || isAlive(state.process)) return state;
  const daemon = daemonOf(state.pidFile, state.home);
  return daemon === undefined ? state : { ...state, process: daemon };
}

/** The process that a pid file names, if it works inside `home`: a pid that others use by now does not. */
export function daemonOf(pidFile: string, home: string): ProcessIdentity | undefined {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8'));
    const folder = readlinkSync(`/proc/${pid}/cwd`);
    return folder.startsWith(`${realpathSync(home)}/`) ? identify(pid) : undefined;
  } catch {
    return undefined;
  }
}

/** Replaces the server's state in one step, so that a reader never sees half of it. */
export function writeState(stack: string, server: ServerName, state: ServerState): void {
  const file = stateFile(stack, server);
  writeFileSync(`${file}.new`, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** Forgets the server and deletes its data and logs. */
export function deleteServer(stack: string, server: ServerName): void {
  const state = readState(stack, server);
  if (state !== undefined) rmSync(state.home, { recursive: true, force: true });
  if (state !== undefined) removeIfEmpty(dirname(state.home));
  for (const file of [logFile(stack, server), `${logFile(stack, server)}.1`, stateFile(stack, server)]) {
    rmSync(file, { force: true });
  }
}

/** Removes a folder that holds nothing any more. */
export function removeIfEmpty(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder);
}

export function logFile(stack: string, server: ServerName): string {
  return join(stack, `${server}.log`);
}

function stateFile(stack: string, server: ServerName): string {
  return join(stack, `${server}.json`);
}
