import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify, isAlive, type ProcessIdentity } from './process-tree.ts';
import { StackError, exitCodes } from './stack-error.ts';

const waitLimitMs = 15 * 60_000;
let claims = 0;

/**
 * Runs `work` while nobody else, in this process or another, runs work under the same lock file. A lock whose
 * holder is dead is taken over. `onWait` is told once, with the holder's pid, when there is a wait.
 */
export async function withLock<T>(
  file: string,
  onWait: (pid: number) => void,
  work: () => Promise<T>,
): Promise<T> {
  mkdirSync(dirname(file), { recursive: true });
  const claim = `${file}.${process.pid}.${claims++}`;
  writeFileSync(claim, JSON.stringify(identify(process.pid)));
  try {
    await acquire(file, claim, onWait);
  } finally {
    rmSync(claim, { force: true });
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

async function acquire(file: string, claim: string, onWait: (pid: number) => void): Promise<void> {
  const deadline = Date.now() + waitLimitMs;
  let told = false;
  // A hard link is made or refused in one step, and the claim is complete before it becomes the lock.
  while (!linked(claim, file)) {
    const holder = readHolder(file);
    if (holder === undefined) continue;
    if (!isAlive(holder)) {
      breakStaleLock(file, claim, holder);
      continue;
    }
    if (Date.now() > deadline) throw waitedTooLong(file, holder);
    if (!told) onWait(holder.pid);
    told = true;
    await sleep(100);
  }
}

/** Moves the dead holder's lock aside; when somebody else was faster and this is a live one, it is put back. */
function breakStaleLock(file: string, claim: string, dead: ProcessIdentity): void {
  const aside = `${claim}.stale`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  const moved = readHolder(aside);
  if (moved !== undefined && moved.born !== dead.born) linked(aside, file);
  rmSync(aside, { force: true });
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST') return false;
    throw thrown;
  }
}

function readHolder(file: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessIdentity;
  } catch {
    return undefined;
  }
}

function waitedTooLong(file: string, holder: ProcessIdentity): StackError {
  return new StackError(
    'STACK_LOCKED',
    exitCodes.conflict,
    `process ${holder.pid} has held ${file} for more than ${waitLimitMs / 60_000} minutes`,
    `wait for process ${holder.pid} or end it, then run the command again`,
  );
}
