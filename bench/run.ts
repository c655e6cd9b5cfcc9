import { mkdirSync, rmSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { withLock } from '../infra/lock.ts';
import { resetStack, startStack } from '../infra/stack-control.ts';
import { StackError, exitCodes, reasonOf } from '../infra/stack-error.ts';
import { readState, stackFolder } from '../infra/stack-state.ts';
import {
  HELP,
  parseArguments,
  resultsName,
  type BenchOptions,
  type CaptureOptions,
  type SinksOptions,
  type StoreName,
} from './arguments.ts';
import { captureReport, measureCapture } from './capture/capture.ts';
import { codecReport, measureCodec } from './codec/codec.ts';
import { writeResults, type Figure, type Results } from './figures.ts';
import { describeMachine, inspectMachine, type MachineFacts } from './machine.ts';
import { findPostgresClient } from './postgres-client.ts';
import { endLeftovers } from './program.ts';
import { renderReport } from './sinks/report.ts';
import { startStoreServer, titlesOf } from './sinks/store-server.ts';

const STACK = 'bench';
const ROOT = join(import.meta.dirname, '..');
const FOLDER = join(ROOT, '.stack', `${STACK}-run`);
const INTERRUPTED = 130;

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (interrupted.signal.aborted) process.exit(INTERRUPTED);
    say('stopping everything (again for at once)');
    interrupted.abort();
  });
}
process.exit(await main(process.argv.slice(2)));

async function main(argv: readonly string[]): Promise<number> {
  const options = parse(argv);
  if (typeof options === 'number') return options;
  try {
    const lock = join(ROOT, '.stack', `${STACK}-run.lock`);
    const onWait = (pid: number) => say(`process ${pid} runs a bench of this checkout, waiting for it`);
    await withLock(lock, onWait, () => runBench(options));
    return 0;
  } catch (error) {
    if (interrupted.signal.aborted) return INTERRUPTED;
    if (error instanceof StackError) say(`error ${error.code}: ${error.message}\n  fix: ${error.fix}`);
    else say(`error: ${reasonOf(error)}\n  fix: the logs of the workers are in ${relative('.', FOLDER)}`);
    return error instanceof StackError ? error.exitCode : exitCodes.failure;
  }
}

function parse(argv: readonly string[]): BenchOptions | number {
  try {
    const options = parseArguments(argv);
    if (options !== 'help') return options;
    process.stdout.write(HELP);
    return 0;
  } catch (error) {
    process.stderr.write(`${reasonOf(error)}\n${HELP}`);
    return exitCodes.usage;
  }
}

async function runBench(options: BenchOptions): Promise<void> {
  const machine = inspectMachine();
  say(describeMachine(machine));
  const figures: Figure[] = [];
  try {
    if (options.bench === 'codec') figures.push(...measureCodec());
    else await withStack(options, (measured) => figures.push(...measured));
  } finally {
    // What was measured before a failure is not lost.
    if (figures.length > 0) report(options, machine, figures);
  }
}

function report(options: BenchOptions, machine: MachineFacts, figures: readonly Figure[]): void {
  const file = join(import.meta.dirname, 'results', `${resultsName(options)}.json`);
  writeResults(file, {
    bench: options.bench,
    takenAt: new Date().toISOString(),
    options: recordedOptions(options),
    machine,
    figures,
  });
  process.stdout.write(`${describeMachine(machine)}\n\n${reportOf(options, figures)}\n`);
  if (options.bench !== 'codec' && options.scale !== 1)
    process.stdout.write(`A trial at scale ${options.scale}: the goals are meant for scale 1.\n`);
  process.stdout.write(`written to ${relative('.', file)}\n`);
}

function recordedOptions(options: BenchOptions): Results['options'] {
  if (options.bench === 'codec') return {};
  const { only, scale, isAvro } = options;
  const sinks =
    options.bench === 'sinks' ? { measures: options.measures, servers: titlesOf(options.only) } : {};
  return { only, ...sinks, scale, wire: isAvro ? 'avro' : 'json', acks: 'all' };
}

function reportOf(options: BenchOptions, figures: readonly Figure[]): string {
  if (options.bench === 'codec') return codecReport(figures);
  if (options.bench === 'capture') return captureReport(figures);
  return `stores: ${titlesOf(options.only).join(', ')}\n\n${renderReport(figures, options.only)}`;
}

/** Measures on fresh servers, which are gone with their data afterwards. */
async function withStack(
  options: CaptureOptions | SinksOptions,
  onMeasured: (figures: readonly Figure[]) => void,
): Promise<void> {
  await endLeftovers(FOLDER);
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  await resetStack({ name: STACK });
  try {
    const only = ['postgres', 'kafka', ...(options.isAvro ? ['registry'] : [])];
    const { env } = await startStack({ name: STACK, only, onProgress: say });
    const common = {
      databaseUrl: env['DATABASE_URL'] ?? '',
      brokers: env['KAFKA_BROKERS'] ?? '',
      registryUrl: options.isAvro ? env['REGISTRY_URL'] : undefined,
      brokerProcess: readState(stackFolder(STACK), 'kafka')?.process,
      folder: FOLDER,
      profileFolder: options.profileFolder === undefined ? undefined : resolve(options.profileFolder),
      scale: options.scale,
      signal: interrupted.signal,
      say,
    };
    if (options.bench === 'sinks') {
      const startStore = (name: StoreName) => startStoreServer(STACK, name, say);
      // Its drivers are loaded for it alone: with ioredis in the process the codecs run at about half their speed.
      const { measureSinks } = await import('./sinks/sinks.ts');
      for await (const figures of measureSinks({ ...common, startStore }, options)) onMeasured(figures);
    } else onMeasured(await measureCapture(common, await findPostgresClient(say), options.only));
  } finally {
    await resetStack({ name: STACK });
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
