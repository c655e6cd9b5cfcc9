import type { Edge } from './import-graph.ts';

/**
 * A zone is a part of the project with its own rule; the longest folder that fits a file is its zone. Each may import
 * itself and the zones named here. This is the import direction of ARCHITECTURE.md: schemas <- core <- producers |
 * consumers <- cli, with transforms on schemas alone.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  schemas: [],
  core: ['schemas'],
  transforms: ['schemas'],
  producers: ['core', 'schemas', 'transforms'],
  consumers: ['core', 'schemas', 'transforms'],
  cli: ['core', 'schemas', 'transforms', 'producers', 'consumers'],
  infra: ['core', 'schemas'],
  // The comparison shares no code with what it judges.
  'examples/equality': [],
  // The demo is a program around the program: it starts the stack, runs the workers and compares the stores.
  examples: ['examples/equality', 'infra', 'cli', 'producers', 'consumers', 'transforms', 'core', 'schemas'],
  // A benchmark runs the program from outside, as a user would, and asks the servers for what came of it.
  bench: ['infra', 'core', 'schemas'],
  'vitest.config.ts': [],
};

/**
 * A store's folder: `consumers/redis`. It is a zone of its own, so that a sixth store touches one folder. `debezium/` reads topics
 * and belongs to the loop.
 */
export const STORE = /^consumers\/(?!debezium\/)[^/]+(?=\/)/;
const STORE_MAY_IMPORT = ['core', 'schemas'];
/** The contract that every store keeps; types only, so that a store never runs code of the loop. */
const SINK_CONTRACT = 'consumers/sink.ts';

/** Tests, and what only tests use: `x.test.ts`, `test-x.ts` beside the code, and everything under test/. */
export function isTestFile(file: string): boolean {
  return file.startsWith('test/') || file.endsWith('.test.ts') || /(?:^|\/)test-[^/]+\.ts$/.test(file);
}

/** Why an import breaks the direction, in one sentence; undefined when it is allowed. */
export function violationOf({ from, to, isTypeOnly }: Edge): string | undefined {
  const refuse = (why: string) => `${from} imports ${to}: ${why}`;
  // What crosses folders is tested under test/, so that may import everything.
  if (from.startsWith('test/')) return undefined;
  if (isTestFile(to) && !isTestFile(from)) return refuse('code must not need a test file');
  // A test beside the code may use the shared suites and what its own folder may import.
  if (to.startsWith('test/')) return undefined;
  const source = zoneOf(from);
  const target = zoneOf(to);
  if (source === undefined)
    return refuse(`no rule covers ${from}, add one to test/architecture/import-rules.ts`);
  if (source === target) return undefined;
  if (STORE.test(from)) {
    if (to === SINK_CONTRACT)
      return isTypeOnly ? undefined : refuse('a store takes only types from the contract (import type)');
    return STORE_MAY_IMPORT.includes(target ?? '')
      ? undefined
      : refuse('a store imports only itself, core, schemas and the types of consumers/sink.ts');
  }
  if (MAY_IMPORT[source]?.includes(target ?? '') === true) return undefined;
  const allowed = [source, ...(MAY_IMPORT[source] ?? [])].join(', ');
  return refuse(`${source} may import only ${allowed}`);
}

function zoneOf(file: string): string | undefined {
  const [store] = STORE.exec(file) ?? [];
  if (store !== undefined) return store;
  const fitting = Object.keys(MAY_IMPORT).filter((zone) => file === zone || file.startsWith(`${zone}/`));
  return fitting.sort((left, right) => right.length - left.length)[0];
}
