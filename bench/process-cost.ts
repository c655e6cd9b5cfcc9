import { readFileSync } from 'node:fs';
import { isAlive, processTree, type ProcessIdentity } from '../infra/process-tree.ts';

/** USER_HZ: what /proc counts CPU time in. It is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** CPU time of a process with all its threads and all its children, ended ones included, since it began. */
export function cpuSeconds(root: ProcessIdentity): number {
  const ticks = processTree(root).map(({ pid }) => {
    const { own, endedChildren } = cpuTicksOf(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    return own + endedChildren;
  });
  return ticks.reduce((sum, each) => sum + each, 0) / TICKS_PER_SECOND;
}

/** Highest resident memory that the process, and each child that still runs, ever had. Throws when it has ended. */
export function peakMemoryBytes(root: ProcessIdentity): number {
  if (!isAlive(root)) throw new Error(`process ${root.pid} has ended, its memory cannot be read any more`);
  return processTree(root)
    .map(({ pid }) => peakBytesOf(readFileSync(`/proc/${pid}/status`, 'utf8')))
    .reduce((sum, each) => sum + each, 0);
}

/** CPU ticks in the text of /proc/PID/stat: proc_pid_stat(5), fields 14 to 17. */
export function cpuTicksOf(stat: string): { own: number; endedChildren: number } {
  // The second field, the name, may hold spaces and parentheses; what follows its last parenthesis is field 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15).map(Number);
  return { own: user + system, endedChildren: childUser + childSystem };
}

/** VmHWM in the text of /proc/PID/status. */
export function peakBytesOf(status: string): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
  return Number(kilobytes ?? 0) * 1024;
}
