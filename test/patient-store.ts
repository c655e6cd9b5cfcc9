import { Store } from '../consumers/store.ts';
import type { Sink, SinkModule } from '../consumers/sink.ts';
import { createLogger } from '../core/logger.ts';
import { createMetrics } from '../core/metrics.ts';
import { StatusReporter } from '../core/status.ts';

/** A sink with the patience of the runtime around it, which halves batches and tries again. */
export function patientStore(sink: Sink, module: SinkModule): Store {
  return new Store(sink, {
    name: 'test',
    module,
    status: new StatusReporter('test', 'sink/test', () => ({})),
    metrics: createMetrics('test'),
    log: createLogger({ test: 'store' }),
    signal: new AbortController().signal,
  });
}
