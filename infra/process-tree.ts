import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process that cannot be mistaken for another: pids are used again, a pid with its start time is not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Boot and clock ticks since that boot at which the process began. */
  readonly born: string;
}

interface ProcessStat {
  readonly parent: number;
  readonly zombie: boolean;
  readonly born: string;
}

const bootId = readTextOrEmpty('/proc/sys/kernel/random/boot_id').trim();

/** The identity of the live process `pid`, or undefined when there is none. */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid);
  return stat === undefined || stat.zombie ? undefined : { pid, born: stat.born };
}

/** Whether exactly this process still runs. */
export function isAlive(process: ProcessIdentity): boolean {
  return identify(process.pid)?.born === process.born;
}

/** The process and all its descendants, the parent first; empty when it does not run any more. */
export function processTree(root: ProcessIdentity): ProcessIdentity[] {
  if (!isAlive(root)) return [];
  const children = new Map<number, ProcessIdentity[]>();
  for (const pid of allPids()) {
    const stat = readStat(pid);
    if (stat === undefined || stat.zombie) continue;
    const siblings = children.get(stat.parent) ?? [];
    siblings.push({ pid, born: stat.born });
    children.set(stat.parent, siblings);
  }
  const tree = [root];
  // The list grows while it is walked: each descendant adds its own children.
  for (const member of tree) tree.push(...(children.get(member.pid) ?? []));
  return tree;
}

/**
 * Stops a process with its descendants and waits until all are gone. `signal` goes to the process alone, which stops its
 * own children; SIGKILL, and what is left after `boundMs`, goes to each of them. Nothing happens to a recycled pid.
 */
export async function stopProcess(
  root: ProcessIdentity,
  signal: NodeJS.Signals,
  boundMs: number,
): Promise<void> {
  const tree = processTree(root);
  if (signal !== 'SIGKILL') {
    send(root, signal);
    if (await allGone(tree, boundMs)) return;
  }
  for (const member of [...tree, ...processTree(root)]) send(member, 'SIGKILL');
  await allGone(tree, 10_000);
}

/** Waits until the process has ended. */
export async function processEnd(process: ProcessIdentity): Promise<void> {
  while (isAlive(process)) await sleep(50);
}

/** Memory of the process and its descendants in bytes; pages that several of them share count once. */
export function memoryBytes(root: ProcessIdentity): number {
  return processTree(root).reduce((sum, member) => sum + memoryOf(member.pid), 0);
}

/** Pids of all processes that this user may see. */
export function allPids(): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);
}

function memoryOf(pid: number): number {
  const rollup = readTextOrEmpty(`/proc/${pid}/smaps_rollup`);
  const kilobytes =
    /^Pss:\s+(\d+) kB/m.exec(rollup) ?? /^VmRSS:\s+(\d+) kB/m.exec(readTextOrEmpty(`/proc/${pid}/status`));
  return Number(kilobytes?.[1] ?? 0) * 1024;
}

function send(member: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isAlive(member)) return;
  try {
    process.kill(member.pid, signal);
  } catch (thrown) {
    // It ended between the look and the signal, which is what was wanted.
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'ESRCH')) throw thrown;
  }
}

async function allGone(tree: readonly ProcessIdentity[], boundMs: number): Promise<boolean> {
  const deadline = Date.now() + boundMs;
  while (tree.some(isAlive)) {
    if (Date.now() > deadline) return false;
    await sleep(50);
  }
  return true;
}

function readStat(pid: number): ProcessStat | undefined {
  const text = readTextOrEmpty(`/proc/${pid}/stat`);
  // The command's name stands in parentheses and may hold spaces, so the fields are counted after the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, parent] = fields;
  const ticks = fields[19];
  if (state === undefined || parent === undefined || ticks === undefined) return undefined;
  return { parent: Number(parent), zombie: state === 'Z' || state === 'X', born: `${bootId}/${ticks}` };
}

function readTextOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
