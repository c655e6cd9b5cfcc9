import { setFlagsFromString } from 'node:v8';
import { Command } from 'commander';
import { serveHealth, type HttpServer } from '../core/http.ts';
import { createLogger, type Logger } from '../core/logger.ts';
import { createMetrics, type Metrics } from '../core/metrics.ts';
import { StatusReporter } from '../core/status.ts';
import { TailraceError } from '../core/errors.ts';
import type { LoadedConfig } from '../core/config/load.ts';
import { NO_SOURCE } from '../core/config/schema.ts';
import { formatLsn } from '../schemas/lsn.ts';
import { runConsumer } from '../consumers/consumer.ts';
import { configureSink } from '../consumers/load-sink.ts';
import { Progress } from '../consumers/progress.ts';
import { createRegistry } from '../core/registry.ts';
import { emptyFigures, producerDetails, runProducer } from '../producers/producer.ts';
import { loadFrom, selectSinks, withConfig, type ConfigOption } from './options.ts';
import { sourceAccess } from './source-access.ts';

/**
 * How much V8 lets the heap grow between two whole collections. Without a limit a sink that works off a backlog holds 400 MB, of which
 * most is garbage. This takes three to five microseconds an event and keeps it below 300 MB (`npm run bench -- sinks`).
 */
const HEAP_GROWTH_PERCENT = 60;

interface RunOptions extends ConfigOption {
  readonly metricsPort?: string;
  readonly metricsHost?: string;
}

/** One thing that a process runs: the producer or one sink. */
interface Worker {
  readonly status: StatusReporter;
  run(): Promise<void>;
}

export function runCommand(): Command {
  return withConfig(new Command('run'))
    .description('run the producer, one or more sinks, or all of them, until SIGTERM or Ctrl-C')
    .argument('[what]', 'producer | sink | all', 'all')
    .argument('[names...]', 'with sink: names of sinks in the config')
    .option('--metrics-port <port>', 'port of /livez /readyz /status /metrics (0 takes a free one)')
    .option('--metrics-host <host>', 'address that it listens on')
    .addHelpText(
      'after',
      `
Examples:
  tailrace run                              everything in one process
  tailrace run producer                     the producer alone
  tailrace run sink search cache            two sinks in one process
  tailrace run sink graph --metrics-port 0  a second worker on the same machine

A worker that stops for good ends with its error's exit code. With several in one process the others go on.`,
    )
    .action(async (what: string, names: string[], options: RunOptions) => {
      process.exitCode = await run(await loadFrom(options), what, names, options);
    });
}

async function run(
  loaded: LoadedConfig,
  what: string,
  names: string[],
  options: RunOptions,
): Promise<number> {
  const { config } = loaded;
  const roles = rolesOf(loaded, what, names);
  // A mistake in any sink's own keys is told before anything starts.
  for (const name of roles.sinks) await configureSink(loaded.file, name, sinkConfig(loaded, name));
  if (roles.sinks.length > 0) setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
  const stopping = new AbortController();
  const signals = watchSignals(stopping);
  const log = createLogger({
    pipeline: config.pipeline,
    role: [...(roles.producer ? ['producer'] : []), ...roles.sinks].join(' '),
  });
  const metrics = createMetrics(config.pipeline);
  const workers = [
    ...(roles.producer ? [producerWorker(loaded, log, metrics, stopping.signal)] : []),
    ...roles.sinks.map((name) => sinkWorker(loaded, name, log, metrics, stopping.signal)),
  ];
  const server = await serve(loaded, options, metrics, workers);
  log.info({ url: server.url }, 'serving /livez /readyz /status /metrics');
  const results = await Promise.allSettled(
    workers.map((worker) => supervise(worker, log, workers.length > 1)),
  );
  await server.close();
  await Promise.all(workers.map(({ status }) => status.stop()));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return signals.exitCode;
}

async function supervise(worker: Worker, log: Logger, hasOthers: boolean): Promise<void> {
  try {
    await worker.run();
    worker.status.become('stopped', 'stopped cleanly');
  } catch (error) {
    const code = error instanceof TailraceError ? error.code : 'INTERNAL';
    log.error(
      { worker: worker.status.current.worker, code, err: error },
      hasOthers ? 'halted; the other workers go on' : 'halted',
    );
    throw error;
  }
}

function rolesOf(
  loaded: LoadedConfig,
  what: string,
  names: string[],
): { producer: boolean; sinks: string[] } {
  if (what === 'sink' && names.length > 0) return { producer: false, sinks: selectSinks(loaded, names) };
  const isOurs = loaded.config.topics.format === 'tailrace';
  if (what === 'producer' && names.length === 0 && !isOurs)
    throw new TailraceError(
      'USAGE',
      `the topics of pipeline ${loaded.config.pipeline} are written by Debezium (topics.format), so it has no producer`,
      'run the sinks: tailrace run sink NAME... | tailrace run all',
    );
  if (what === 'producer' && names.length === 0) return { producer: true, sinks: [] };
  if (what === 'all' && names.length === 0) return { producer: isOurs, sinks: selectSinks(loaded, []) };
  throw new TailraceError(
    'USAGE',
    `cannot run ${JSON.stringify([what, ...names].join(' '))}`,
    'run one of: tailrace run producer | tailrace run sink NAME... | tailrace run all',
  );
}

function producerWorker(loaded: LoadedConfig, log: Logger, metrics: Metrics, signal: AbortSignal): Worker {
  const figures = emptyFigures();
  const status = new StatusReporter(loaded.config.pipeline, 'producer', () => producerDetails(figures));
  const { registry: config } = loaded.config;
  const registry = config === undefined ? null : createRegistry(config);
  return { status, run: () => runProducer({ loaded, log, metrics, status, signal, registry, figures }) };
}

function sinkWorker(
  loaded: LoadedConfig,
  name: string,
  log: Logger,
  metrics: Metrics,
  signal: AbortSignal,
): Worker {
  const progress = new Progress();
  const sink = sinkConfig(loaded, name);
  const { source: from, topics, pipeline } = loaded.config;
  const source =
    topics.format === 'debezium' && from.url !== NO_SOURCE
      ? sourceAccess(from.url, `tailrace ${pipeline} ${name}`, signal)
      : undefined;
  const status = new StatusReporter(loaded.config.pipeline, `sink/${name}`, () => ({
    type: sink.type,
    appliedLsn: progress.appliedLsn === 0n ? null : formatLsn(progress.appliedLsn),
    lagRecords: Number(progress.lagRecords),
    lagSeconds: progress.lagSeconds,
    ratePerSecond: progress.ratePerSecond,
    appliedEvents: progress.applied,
  }));
  return {
    status,
    run: () =>
      runConsumer({
        loaded,
        name,
        sink,
        log: log.child({ sink: name }),
        metrics,
        status,
        progress,
        signal,
        source,
      }),
  };
}

function sinkConfig({ config }: LoadedConfig, name: string): LoadedConfig['config']['sinks'][string] {
  const sink = config.sinks[name];
  if (sink === undefined) throw new RangeError(`no sink ${name}`);
  return sink;
}

async function serve(
  loaded: LoadedConfig,
  options: RunOptions,
  metrics: Metrics,
  workers: readonly Worker[],
): Promise<HttpServer> {
  const { metrics: address } = loaded.config;
  const server = await serveHealth(
    {
      host: options.metricsHost ?? address.host,
      port: options.metricsPort === undefined ? address.port : portOf(options.metricsPort),
    },
    metrics.registry,
    {
      ready: () => workers.map(({ status }) => status.notReady).find((reason) => reason !== null) ?? null,
      status: () => ({
        pipeline: loaded.config.pipeline,
        workers: workers.map(({ status }) => status.current),
      }),
    },
  );
  for (const { status } of workers) status.url = server.url;
  return server;
}

function portOf(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new TailraceError(
    'USAGE',
    `--metrics-port ${JSON.stringify(text)} is no port`,
    'give a number from 0 to 65535',
  );
}

/** The first signal stops cleanly, the second at once. Ctrl-C makes the exit code 130. */
function watchSignals(stopping: AbortController): { readonly exitCode: number } {
  const state = { exitCode: 0 };
  const stop = (signal: NodeJS.Signals) => {
    if (stopping.signal.aborted) process.exit(130);
    if (signal === 'SIGINT') state.exitCode = 130;
    stopping.abort();
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  return state;
}
