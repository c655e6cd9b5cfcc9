import type { LoadedConfig } from '../../core/config/load.ts';
import type { Example } from '../example.ts';
import type { DemoOptions } from './arguments.ts';
import type { DemoWorker } from './workers.ts';

/** Everything that a run of the demo has started. */
export interface DemoRun {
  readonly options: DemoOptions;
  readonly example: Example;
  readonly loaded: LoadedConfig;
  readonly producer: DemoWorker;
  /** By the sink's name. */
  readonly sinks: ReadonlyMap<string, DemoWorker>;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** Fires at Ctrl-C and at the end. */
  readonly signal: AbortSignal;
  /** A line of progress, to stderr. */
  readonly say: (line: string) => void;
}
