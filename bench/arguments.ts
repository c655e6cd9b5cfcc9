import { parseArgs } from 'node:util';

/** The scenarios of `capture`, in the order in which they run. */
export const SCENARIO_KEYS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'] as const;
export type ScenarioKey = (typeof SCENARIO_KEYS)[number];
/** A whole run. The others take long and are asked for by name. */
const WHOLE_RUN: readonly ScenarioKey[] = ['a', 'b', 'c', 'd', 'e', 'f'];

/** The stores of `sinks`, in the order in which they run. */
export const STORE_NAMES = ['redis', 'clickhouse', 'elasticsearch', 'mongodb', 'neo4j'] as const;
export type StoreName = (typeof STORE_NAMES)[number];

/** What `sinks` measures of each store, in this order. */
export const SINK_MEASURES = ['inserts', 'updates', 'latency'] as const;
export type SinkMeasure = (typeof SINK_MEASURES)[number];

const BENCHES = ['capture', 'sinks', 'codec'] as const;

/** What the bench was asked for. Codec needs no servers and has no options. */
export type BenchOptions = CaptureOptions | SinksOptions | { readonly bench: 'codec' };

interface RunOptions {
  /** Share of the events of a full run. */
  readonly scale: number;
  readonly isAvro: boolean;
  /** Folder for CPU profiles of the worker that is measured; undefined: none are taken. */
  readonly profileFolder: string | undefined;
}

export interface CaptureOptions extends RunOptions {
  readonly bench: 'capture';
  readonly only: readonly ScenarioKey[];
}

export interface SinksOptions extends RunOptions {
  readonly bench: 'sinks';
  readonly only: readonly StoreName[];
  readonly measures: readonly SinkMeasure[];
  /** Workers of one sink, which share its partitions. */
  readonly workers: number;
}

export const HELP = `usage: npm run bench [-- capture] [--only a,f] [--scale N] [--avro] [--profile DIR]
       npm run bench -- sinks [--only redis,neo4j] [--measure inserts] [--workers N] [--scale N] [--avro] [--profile DIR]
       npm run bench -- codec

Measures each figure beside its upper bound in the same run, prints a table and writes bench/results/NAME.json. Capture and sinks
run on real servers that they start for themselves. Close everything else: the figures are those of the whole machine.

capture   Postgres to Kafka: events a second, CPU, memory, and latency
  a  1,000,000 inserts in transactions of 1,000 rows
  b  200,000 inserts, each in its own transaction
  c  500,000 changes, 40 % insert 50 % update 10 % delete, in transactions of 100
  d  snapshot of 1,000,000 rows
  e  1,000,000 inserts in one transaction
  f  2,000 commits a second for 60 s: the time from the commit to Kafka
  g  50 transactions of 100,000 inserts at once; only where it is named

sinks     Kafka to each store (${STORE_NAMES.join(' ')}), beside the bare driver with the same rows
  inserts  1,000,000 rows (Neo4j 500,000) of a filled topic
  updates  the same number of events: rows, then an update of each
  latency  500 commits a second for 40 s: the time from the commit to a reader of the store

codec     a row of 20 columns into a record and back, in Avro and JSON, beside JSON.stringify and JSON.parse; no servers

options of capture and sinks
  --only a,f      these scenarios, or these stores, only
  --measure M     sinks: these measures only
  --workers N     sinks: N workers of each sink, which share the partitions
  --scale N       share of the events, for a trial (0.02); the goals are meant for 1
  --avro          Avro with a schema registry instead of JSON
  --profile DIR   a CPU profile of the worker for each scenario or store, in DIR; its figures are slower
  --help          this text
A run with any of these writes a results file of its own, such as capture-only-af.json.

examples
  npm run bench -- capture
  npm run bench -- capture --only a --profile profiles
  npm run bench -- capture --scale 0.02
  npm run bench -- sinks --only redis,clickhouse --measure inserts
  npm run bench -- codec
`;

/** Reads the command line; 'help' when that was asked for. Throws an Error that says what is wrong with it. */
export function parseArguments(argv: readonly string[]): BenchOptions | 'help' {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      only: { type: 'string' },
      measure: { type: 'string' },
      workers: { type: 'string' },
      scale: { type: 'string' },
      avro: { type: 'boolean' },
      profile: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) return 'help';
  const [name = 'capture', ...rest] = positionals;
  const bench = BENCHES.find((known) => known === name);
  if (bench === undefined || rest.length > 0)
    throw new Error(`"${positionals.join(' ')}" is no bench, there are: ${BENCHES.join(' ')}`);
  if (bench === 'codec' && Object.keys(values).length > 0) throw new Error('the bench codec has no options');
  if (bench === 'codec') return { bench };
  if (bench === 'capture' && values.measure !== undefined)
    throw new Error('--measure is an option of sinks; scenarios of capture are chosen by --only');
  if (bench === 'capture' && values.workers !== undefined)
    throw new Error('--workers is an option of sinks; a slot has one producer');
  const common = {
    scale: scaleOf(values.scale ?? '1'),
    isAvro: values.avro ?? false,
    profileFolder: values.profile,
  };
  if (bench === 'capture') return { bench, only: scenarios(values.only), ...common };
  return {
    bench,
    only: chosen(values.only, STORE_NAMES, 'store'),
    measures: chosen(values.measure, SINK_MEASURES, 'measure'),
    workers: workersOf(values.workers ?? '1'),
    ...common,
  };
}

/** The name of the results file, without its ending: `capture` holds the figures of whole runs alone, all of one run. */
export function resultsName(options: BenchOptions): string {
  if (options.bench === 'codec') return options.bench;
  const { bench, scale, isAvro, profileFolder } = options;
  const differences = [
    ...(isAvro ? ['avro'] : []),
    ...choiceOf(options),
    ...(scale === 1 ? [] : [`scale-${scale}`]),
    ...(profileFolder === undefined ? [] : ['profiled']),
  ];
  return [bench, ...differences].join('-');
}

function choiceOf(options: CaptureOptions | SinksOptions): string[] {
  const { only } = options;
  if (options.bench === 'capture')
    return only.join('') === WHOLE_RUN.join('') ? [] : [`only-${only.join('')}`];
  return [
    ...(only.length === STORE_NAMES.length ? [] : [`only-${only.join('-')}`]),
    ...(options.measures.length === SINK_MEASURES.length ? [] : options.measures),
    ...(options.workers === 1 ? [] : [`workers-${options.workers}`]),
  ];
}

function scenarios(text: string | undefined): readonly ScenarioKey[] {
  return text === undefined ? WHOLE_RUN : chosen(text, SCENARIO_KEYS, 'scenario');
}

/** Those of `all` that a list with commas names, in the order of `all`; all of them without a list. */
function chosen<Name extends string>(
  text: string | undefined,
  all: readonly Name[],
  what: string,
): readonly Name[] {
  if (text === undefined) return all;
  const wanted = text.split(',').map((name) => name.trim());
  const unknown = wanted.find((name) => !all.some((known) => known === name));
  if (unknown !== undefined) throw new Error(`"${unknown}" is no ${what}, there are: ${all.join(' ')}`);
  return all.filter((name) => wanted.includes(name));
}

function workersOf(text: string): number {
  if (/^[1-9]$/.test(text)) return Number(text);
  throw new Error(`--workers ${text} is no number from 1 to 9`);
}

function scaleOf(text: string): number {
  const scale = Number(text);
  if (scale > 0 && scale <= 10) return scale;
  throw new Error(`--scale ${text} is no number above 0 and up to 10`);
}
