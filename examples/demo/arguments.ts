import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';

/** What the demo was asked for. */
export interface DemoOptions {
  readonly once: boolean;
  readonly example: string;
  /** Sink types; all of the example's when absent. */
  readonly stores?: readonly string[];
  readonly scale: number;
  /** Row changes a second of the live workload. */
  readonly rate: number;
  /** With `once`: how long the workload runs, seconds. */
  readonly seconds: number;
}

const STORES = ['elasticsearch', 'clickhouse', 'mongodb', 'redis', 'neo4j'];

/** Reads the command line; prints help or a usage error and exits by itself. */
export function parseArguments(argv: readonly string[]): DemoOptions {
  const command = new Command('npm run demo --')
    .description(
      'Postgres to five stores on real servers, with a live workload and an independent comparison',
    )
    .option('--once', 'load, catch up, compare every store with Postgres, print the report and stop', false)
    .option(
      '--example <name>',
      `the database: ${exampleNames().join(' | ')}`,
      oneOf(exampleNames()),
      'pursuit',
    )
    .option('--stores <list>', `fewer stores, split by commas: ${STORES.join(',')}`, stores)
    .option(
      '--scale <n>',
      'size of the pursuit data; 1 is 150,000 places and 4.5 million contacts',
      positive,
      0.01,
    )
    .option('--rate <n>', 'row changes a second of the live workload', positive, 50)
    .option('--seconds <n>', 'with --once: how long the live workload runs', positive, 15)
    .addHelpText(
      'after',
      `
Examples:
  npm run demo                                          live, until Ctrl-C
  npm run demo -- --once                                exit 0 only if every store equals Postgres
  npm run demo -- --stores redis,elasticsearch          only two stores
  npm run demo -- --example chinook --once
  npm run demo -- --scale 0.1 --rate 500

Exit codes: 0 all equal, 8 a difference was found, 1 any other failure, 130 interrupted.`,
    );
  command.parse([...argv], { from: 'user' });
  return command.opts<DemoOptions>();
}

/** Every folder of `examples/` that has a `tailrace.yaml`. */
function exampleNames(): string[] {
  const folder = dirname(import.meta.dirname);
  return readdirSync(folder, { withFileTypes: true })
    .filter(
      (entry) => entry.isDirectory() && readdirSync(`${folder}/${entry.name}`).includes('tailrace.yaml'),
    )
    .map(({ name }) => name)
    .sort();
}

function oneOf(allowed: readonly string[]): (text: string) => string {
  return (text) => {
    if (allowed.includes(text)) return text;
    throw new InvalidArgumentError(`Use one of: ${allowed.join(', ')}.`);
  };
}

function stores(text: string): string[] {
  return text.split(',').map((name) => oneOf(STORES)(name.trim()));
}

function positive(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('Use a number above 0.');
}
