import type { Kafka } from 'kafkajs';
import { z } from 'zod';
import { readCommands } from '../core/control.ts';
import { readState, type SnapshotState } from '../core/state.ts';
import { readStatuses, type WorkerStatus } from '../core/status.ts';
import { qualifiedName } from '../schemas/table-schema.ts';
import { formatNumber, formatSeconds, formatTable } from './table.ts';

/** A worker that has not told anything for so long is dead or cut off. */
const DEAD_AFTER_MS = 10_000;

/** What the producer tells of its snapshot; null when it reads nothing, or does not run. */
const figuresSchema = z.object({
  table: z.string(),
  rows: z.number(),
  estimate: z.number().nullable(),
  rowsPerSecond: z.number().nullable(),
  secondsLeft: z.number().nullable(),
});

/** One table of `tailrace snapshot --status --json`. */
export interface TableSnapshot {
  readonly table: string;
  readonly state: 'done' | 'reading' | 'waiting' | 'failed' | 'never read';
  readonly rows: number;
  readonly estimate: number | null;
  readonly rowsPerSecond: number | null;
  readonly secondsLeft: number | null;
  /** SQLSTATE of a condition that failed. */
  readonly failure: string | null;
}

/** The form of `tailrace snapshot --status --json`. */
export interface Snapshots {
  readonly producerAlive: boolean;
  readonly paused: boolean;
  readonly tables: readonly TableSnapshot[];
}

/** What Kafka knows of the pipeline's snapshots; needs no producer to be alive. */
export async function readSnapshots(kafka: Kafka, pipeline: string): Promise<Snapshots> {
  const { snapshots } = await readAll(kafka, pipeline);
  return snapshots;
}

/** The same, with the progress of each table as it is kept. */
export async function readAll(
  kafka: Kafka,
  pipeline: string,
): Promise<{ snapshots: Snapshots; progress: ReadonlyMap<string, SnapshotState> }> {
  const [state, statuses, commands] = await Promise.all([
    readState(kafka, pipeline),
    readStatuses(kafka, pipeline),
    readCommands(kafka, pipeline),
  ]);
  const producer = statuses.get('producer');
  const producerAlive = isAlive(producer);
  const figures = producerAlive ? figuresSchema.safeParse(producer?.details['snapshot']).data : undefined;
  const tables = (state.tables ?? []).map((table): TableSnapshot => {
    const name = qualifiedName(table);
    const progress = state.snapshots.get(name);
    const current = figures?.table === name ? figures : undefined;
    return {
      table: name,
      state: stateOf(progress, current !== undefined),
      rows: Math.max(progress?.rows ?? 0, progress?.done === true ? 0 : (current?.rows ?? 0)),
      estimate: current?.estimate ?? null,
      rowsPerSecond: current?.rowsPerSecond ?? null,
      secondsLeft: current?.secondsLeft ?? null,
      failure: progress?.failure ?? null,
    };
  });
  return {
    snapshots: { producerAlive, paused: commands.snapshotPaused, tables },
    progress: state.snapshots,
  };
}

function stateOf(progress: SnapshotState | undefined, isCurrent: boolean): TableSnapshot['state'] {
  if (progress?.done === true) return progress.failure === undefined ? 'done' : 'failed';
  if (isCurrent) return 'reading';
  return progress === undefined ? 'never read' : 'waiting';
}

function isAlive(producer: WorkerStatus | undefined): boolean {
  if (producer === undefined || producer.state === 'stopped' || producer.state === 'halted') return false;
  return Date.now() - Date.parse(producer.at) <= DEAD_AFTER_MS;
}

export function renderSnapshots({ producerAlive, paused, tables }: Snapshots): string {
  const rows = tables.map((table) => [
    table.table,
    table.state,
    formatNumber(table.rows),
    formatNumber(table.estimate),
    table.rowsPerSecond === null ? '-' : `${formatNumber(table.rowsPerSecond)}/s`,
    formatSeconds(table.secondsLeft),
  ]);
  return (
    formatTable(['table', 'snapshot', 'rows', 'of about', 'rate', 'time left'], rows) +
    (paused ? '\nthe snapshot is paused; tailrace snapshot --resume lets it go on\n' : '') +
    (producerAlive ? '' : '\nthe producer does not run; tailrace run producer starts it\n')
  );
}
