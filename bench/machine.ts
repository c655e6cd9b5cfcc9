import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

/** Where the figures were taken. */
export interface MachineFacts {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryMb: number;
  /** Processes that wanted a core in the last minute before the start. */
  readonly loadAverage: number;
  readonly node: string;
  readonly platform: string;
}

/** Above this somebody else is using the machine, and the figures are theirs too. */
const BUSY_LOAD_AVERAGE = 1;

export function inspectMachine(): MachineFacts {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? 'unknown',
    memoryMb: Math.round(totalmem() / 2 ** 20),
    loadAverage: loadavg()[0] ?? 0,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
  };
}

/** The machine in one line, and a warning in a second one when it is busy. */
export function describeMachine({ cores, cpu, memoryMb, loadAverage, node, platform }: MachineFacts): string {
  const load = loadAverage.toFixed(2);
  const facts = `machine: ${cores} cores (${cpu}), ${memoryMb} MB, ${platform}, Node ${node}, load average ${load}`;
  if (loadAverage <= BUSY_LOAD_AVERAGE) return facts;
  return `${facts}\nwarning: the machine is busy (load average ${load}, above ${BUSY_LOAD_AVERAGE}); these figures are too low`;
}
