import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { loadConfig } from '../core/config/load.ts';
import { formatError, TailraceError, toError } from '../core/errors.ts';
import { resetStack, startStack, stopStack } from '../infra/stack-control.ts';
import { StackError } from '../infra/stack-error.ts';
import { parseArguments, type DemoOptions } from './demo/arguments.ts';
import type { DemoRun } from './demo/run.ts';
import { runLive } from './demo/live.ts';
import { runOnce } from './demo/once.ts';
import { endLeftovers, startWorker, type DemoWorker } from './demo/workers.ts';
import type { Example } from './example.ts';

const STACK = 'demo';
const SAME_SIGNAL_MS = 1_000;
const ROOT = join(import.meta.dirname, '..');

const options = parseArguments(process.argv.slice(2));
const interrupted = new AbortController();
let interruptedAt = 0;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // npm and the terminal may both pass on one and the same signal; a second one by hand means now.
    if (interrupted.signal.aborted && Date.now() - interruptedAt > SAME_SIGNAL_MS) process.exit(130);
    if (interrupted.signal.aborted) return;
    interruptedAt = Date.now();
    say('stopping everything (again for at once)');
    interrupted.abort();
  });
}
process.exit(await demo());

async function demo(): Promise<number> {
  const workers: DemoWorker[] = [];
  const startedAt = Date.now();
  try {
    const { example } = (await import(`./${options.example}/example.ts`)) as { example: Example };
    const sinks = sinksOf(options);
    const folder = join(ROOT, '.stack', `${STACK}-run`);
    endLeftovers(folder);
    await resetStack({ name: STACK });
    const servers = ['postgres', 'kafka', 'registry', ...sinks.map(({ type }) => type)];
    const { env: urls } = await startStack({ name: STACK, only: servers, onProgress: say });
    Object.assign(process.env, urls);
    const config = writeConfig(folder, sinks);
    const loaded = await loadConfig(config);
    interrupted.signal.throwIfAborted();
    say(`loading ${example.name}${example.name === 'pursuit' ? ` at scale ${options.scale}` : ''}`);
    const rows = await example.load({ url: loaded.config.source.url, scale: options.scale });
    say(
      `loaded ${Object.values(rows)
        .reduce((sum, count) => sum + count, 0)
        .toLocaleString('en-US')} rows into ${Object.keys(rows).length} tables`,
    );
    const start = (name: string, role: string[]) => {
      const worker = startWorker(name, role, { config, folder, env: process.env, say });
      workers.push(worker);
      void worker.exited.then((code) => {
        if (!interrupted.signal.aborted && code !== 0)
          say(`${name} ended with exit code ${code}: see ${worker.log}`);
      });
      return worker;
    };
    const producer = start('producer', ['producer']);
    const started = new Map(sinks.map(({ name }) => [name, start(name, ['sink', name])]));
    const run: DemoRun = {
      options,
      example,
      loaded,
      producer,
      sinks: started,
      startedAt,
      signal: interrupted.signal,
      say,
    };
    return await (options.once ? runOnce(run) : runLive(run));
  } catch (error) {
    if (interrupted.signal.aborted) return 130;
    return complain(error);
  } finally {
    interrupted.abort();
    await Promise.all(workers.map((worker) => worker.stop()));
    await stopStack({ name: STACK });
  }
}

/** Says what went wrong and answers the exit code. */
function complain(thrown: unknown): number {
  if (thrown instanceof StackError) {
    say(`error ${thrown.code}: ${thrown.message}\n  fix: ${thrown.fix}`);
    return thrown.exitCode;
  }
  if (thrown instanceof TailraceError) {
    process.stderr.write(formatError(thrown));
    return thrown.exitCode;
  }
  say(`error: ${toError(thrown).message}\n  fix: the logs of the workers are in .stack/${STACK}-run`);
  return 1;
}

interface DemoSink {
  readonly name: string;
  readonly type: string;
}

/** The example's sinks, or those of the stores that were asked for. */
function sinksOf({ example, stores }: DemoOptions): DemoSink[] {
  const config = exampleConfig(example);
  return Object.entries(config.sinks)
    .map(([name, { type }]) => ({ name, type }))
    .filter(({ type }) => stores?.includes(type) ?? true);
}

/** The example's own config; with fewer stores a copy without the other sinks. */
function writeConfig(folder: string, sinks: readonly DemoSink[]): string {
  mkdirSync(folder, { recursive: true });
  const config = exampleConfig(options.example);
  if (sinks.length === Object.keys(config.sinks).length)
    return join(import.meta.dirname, options.example, 'tailrace.yaml');
  const kept = Object.entries(config.sinks).filter(([name]) => sinks.some((sink) => sink.name === name));
  const file = join(folder, 'tailrace.yaml');
  writeFileSync(file, stringify({ ...config, sinks: Object.fromEntries(kept) }));
  return file;
}

function exampleConfig(example: string): { sinks: Record<string, { type: string }> } {
  return parse(readFileSync(join(import.meta.dirname, example, 'tailrace.yaml'), 'utf8')) as {
    sinks: Record<string, { type: string }>;
  };
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
