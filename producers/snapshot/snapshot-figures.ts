import { qualifiedName } from '../../schemas/table-schema.ts';
import type { SnapshotJob } from './snapshot-queue.ts';

/** What `status` shows of a snapshot. */
export interface SnapshotFigures {
  /** The table that is being read. */
  readonly table: string;
  /** Its rows that are safe in Kafka. */
  readonly rows: number;
  /** How many it has, as the planner estimates; null when that is not known. */
  readonly estimate: number | null;
  readonly rowsPerSecond: number | null;
  readonly secondsLeft: number | null;
  /** The tables that come after it. */
  readonly queued: readonly string[];
  readonly paused: boolean;
  /** Chunks that were read again, because a transaction was not yet visible. */
  readonly repeats: number;
}

/** The figures of the first table of these; null when there is none. */
export function figuresOf(
  [job, ...queued]: readonly SnapshotJob[],
  measured: Pick<SnapshotFigures, 'estimate' | 'rowsPerSecond' | 'paused' | 'repeats'>,
): SnapshotFigures | null {
  if (job === undefined) return null;
  const { rows } = job.progress;
  const { estimate, rowsPerSecond, paused, repeats } = measured;
  const isMoving = rowsPerSecond !== null && rowsPerSecond > 0;
  return {
    table: qualifiedName(job.of.table),
    rows,
    estimate,
    rowsPerSecond: rowsPerSecond === null ? null : Math.round(rowsPerSecond),
    secondsLeft:
      estimate === null || !isMoving ? null : Math.round(Math.max(0, estimate - rows) / rowsPerSecond),
    queued: queued.map(({ of }) => qualifiedName(of.table)),
    paused,
    repeats,
  };
}

/** The same for people, while changes are streamed. */
export function sentenceOf(figures: SnapshotFigures | null): string {
  if (figures === null) return 'reading tables while streaming changes';
  const { table, queued, paused } = figures;
  if (paused) return `streaming changes; the snapshot is paused at ${table}`;
  const more = queued.length === 0 ? '' : `, then ${queued.length} more,`;
  return `reading ${table}${more} while streaming changes`;
}
