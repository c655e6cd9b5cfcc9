import { parseArgs } from 'node:util';

/** The scenarios of `capture`, in the order in which they run. */
export const SCENARIO_KEYS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'] as const;
export type ScenarioKey = (typeof SCENARIO_KEYS)[number];
/** A whole run. The others take long and are asked for by name. */
const WHOLE_RUN: readonly ScenarioKey[] = ['a', 'b', 'c', 'd', 'e', 'f'];

/** The benchmarks. Codec needs no servers and has no options. */
const BENCHES = ['capture', 'codec'] as const;

/** What the bench was asked for. */
export interface BenchOptions {
  readonly bench: (typeof BENCHES)[number];
  readonly only: readonly ScenarioKey[];
  /** Share of the events of a full run. */
  readonly scale: number;
  readonly isAvro: boolean;
  /** Folder for CPU profiles of the producer; undefined: none are taken. */
  readonly profileFolder: string | undefined;
}

export const HELP = `usage: npm run bench [-- capture] [--only a,f] [--scale N] [--avro] [--profile DIR]
       npm run bench -- codec

Measures each figure beside its upper bound in the same run, prints a table and writes bench/results/NAME.json. Capture runs on
real servers that it starts for itself. Close everything else: the figures are those of the whole machine.

capture   Postgres to Kafka: events a second, CPU, memory, and latency
  a  1,000,000 inserts in transactions of 1,000 rows
  b  200,000 inserts, each in its own transaction
  c  500,000 changes, 40 % insert 50 % update 10 % delete, in transactions of 100
  d  snapshot of 1,000,000 rows
  e  1,000,000 inserts in one transaction
  f  2,000 commits a second for 60 s: the time from the commit to Kafka
  g  50 transactions of 100,000 inserts at once; only where it is named

codec     a row of 20 columns into a record and back, in Avro and JSON, beside JSON.stringify and JSON.parse; no servers

options of capture
  --only a,f      these scenarios only
  --scale N       share of the events, for a trial (0.02); the goals are meant for 1
  --avro          Avro with a schema registry instead of JSON
  --profile DIR   a CPU profile of the producer for each scenario, in DIR; its figures are slower
  --help          this text
A run with any of these writes a results file of its own, such as capture-only-af.json.

examples
  npm run bench -- capture
  npm run bench -- capture --only a --profile profiles
  npm run bench -- capture --scale 0.02
  npm run bench -- codec
`;

/** Reads the command line; 'help' when that was asked for. Throws an Error that says what is wrong with it. */
export function parseArguments(argv: readonly string[]): BenchOptions | 'help' {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      only: { type: 'string' },
      scale: { type: 'string', default: '1' },
      avro: { type: 'boolean', default: false },
      profile: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  const [name = 'capture', ...rest] = positionals;
  const bench = BENCHES.find((known) => known === name);
  if (bench === undefined || rest.length > 0)
    throw new Error(`"${positionals.join(' ')}" is no bench, there are: ${BENCHES.join(' ')}`);
  const isPlain = values.only === undefined && values.scale === '1' && !values.avro;
  if (bench === 'codec' && (!isPlain || values.profile !== undefined))
    throw new Error('the bench codec has no options');
  return {
    bench,
    only: scenarios(values.only),
    scale: scaleOf(values.scale),
    isAvro: values.avro,
    profileFolder: values.profile,
  };
}

/** The name of the results file, without its ending: `capture` holds the figures of whole runs alone, all of one run. */
export function resultsName({ bench, only, scale, isAvro, profileFolder }: BenchOptions): string {
  const differences = [
    ...(isAvro ? ['avro'] : []),
    ...(only.join('') === WHOLE_RUN.join('') ? [] : [`only-${only.join('')}`]),
    ...(scale === 1 ? [] : [`scale-${scale}`]),
    ...(profileFolder === undefined ? [] : ['profiled']),
  ];
  return [bench, ...differences].join('-');
}

function scenarios(text: string | undefined): ScenarioKey[] {
  if (text === undefined) return [...WHOLE_RUN];
  const wanted = text.split(',').map((key) => key.trim());
  const unknown = wanted.find((key) => !SCENARIO_KEYS.some((known) => known === key));
  if (unknown !== undefined)
    throw new Error(`"${unknown}" is no scenario, there are: ${SCENARIO_KEYS.join(' ')}`);
  return SCENARIO_KEYS.filter((key) => wanted.includes(key));
}

function scaleOf(text: string): number {
  const scale = Number(text);
  if (scale > 0 && scale <= 10) return scale;
  throw new Error(`--scale ${text} is no number above 0 and up to 10`);
}
