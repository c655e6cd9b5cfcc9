import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { MachineFacts } from './machine.ts';

/** What a figure should reach; `share` is of the figure's upper bound. */
export type Goal =
  { readonly atLeast: number } | { readonly atMost: number } | { readonly atLeastShare: number };

/** One measured number. Its name is `<scenario>.<what>`, its unit is written out. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What the machine gave at best for the same work in the same run; null where there is no such thing. */
  readonly bound: number | null;
  /** `value` as a share of `bound`. */
  readonly ratio: number | null;
  readonly goal: Goal | null;
  /** Whether the goal was met; null without one. */
  readonly isMet: boolean | null;
}

/** What `bench/results/NAME.json` holds. */
export interface Results {
  readonly bench: string;
  /** ISO 8601. */
  readonly takenAt: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly machine: MachineFacts;
  readonly figures: readonly Figure[];
}

/** A figure with its ratio and its verdict worked out. Throws RangeError on what is no number: a bench must not pass it on. */
export function figure(
  name: string,
  value: number,
  unit: string,
  { bound = null, goal = null }: { bound?: number | null; goal?: Goal | null } = {},
): Figure {
  if (!Number.isFinite(value)) throw new RangeError(`${name} is ${value}`);
  const ratio = bound === null ? null : value / bound;
  return { name, value, unit, bound, ratio, goal, isMet: goal === null ? null : meets(value, ratio, goal) };
}

function meets(value: number, ratio: number | null, goal: Goal): boolean {
  if ('atMost' in goal) return value <= goal.atMost;
  if ('atLeast' in goal) return value >= goal.atLeast;
  return ratio !== null && ratio >= goal.atLeastShare;
}

/** The goal as a reader of the table wants it: `>= 70,000`, `<= 15`, `>= 85 %`. */
export function goalText(goal: Goal): string {
  if ('atMost' in goal) return `<= ${goal.atMost.toLocaleString('en-US')}`;
  if ('atLeast' in goal) return `>= ${goal.atLeast.toLocaleString('en-US')}`;
  return `>= ${Math.round(goal.atLeastShare * 100)} %`;
}

/** Writes the results; its folder is made where it is missing. */
export function writeResults(file: string, results: Results): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
}
