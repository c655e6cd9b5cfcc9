import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { projectRoot } from '../architecture/project-files.ts';
import { openPipeline, type Pipeline } from './harness.ts';

const SHOP = `
  CREATE TYPE mood AS ENUM ('sad', 'it''s');
  CREATE DOMAIN feeling AS mood;
  CREATE TABLE orders (id bigint PRIMARY KEY, total numeric(10, 2) NOT NULL, placed timestamptz NOT NULL,
    "odd name" int, mood mood, feeling feeling NOT NULL, tags text[], raw bytea, secret text NOT NULL);
  CREATE TABLE lines (order_id bigint REFERENCES orders, n int, PRIMARY KEY (n, order_id));
  CREATE TABLE keyless (n int);`;

const SOURCE = {
  columns: { 'public.orders': { exclude: ['raw'] } },
  transforms: [{ maskColumns: { tables: ['public.orders'], columns: ['secret'], with: 'null' } }],
};

let pipeline: Pipeline;
let folder: string;

beforeAll(async () => {
  pipeline = await openPipeline({ sql: SHOP, source: SOURCE });
  folder = dirname(pipeline.configFile);
}, 60_000);

afterAll(() => pipeline[Symbol.asyncDispose]());

const types = (...args: string[]) => pipeline.tailrace('types', ...args);

const EXPECTED = `
export type Tables = {
  readonly 'public.lines': {
    readonly name: 'public.lines';
    readonly key: {
      readonly n: number;
      readonly order_id: bigint;
    };
    readonly row: {
      /** bigint */
      readonly order_id: bigint;
      /** integer */
      readonly n: number;
    };
  };
  readonly 'public.orders': {
    readonly name: 'public.orders';
    readonly key: {
      readonly id: bigint;
    };
    readonly row: {
      /** bigint */
      readonly id: bigint;
      /** numeric(10,2) */
      readonly total: string;
      /** timestamp with time zone */
      readonly placed: Timestamptz;
      /** integer */
      readonly 'odd name': number | null;
      /** public.mood */
      readonly mood: 'sad' | 'it\\'s' | null;
      /** public.feeling */
      readonly feeling: 'sad' | 'it\\'s';
      /** text[] */
      readonly tags: string | null;
      /** text */
      readonly secret: string | null;
    };
  };
};
`;

test('types are those of rows behind column lists and capture transforms', async () => {
  const { stdout, stderr, exitCode } = await types();
  expect(exitCode).toBe(0);
  expect(stdout).toContain(EXPECTED);
  expect(stdout).toContain("export type Timestamptz = string & { readonly __brand: 'timestamptz' };");
  expect(stderr).toMatch(/^left out: table public\.keyless has no primary key/);
});

test('as JSON in a stable form', async () => {
  const { stdout } = await types('--json');
  const shown = JSON.parse(stdout) as { tables: { name: string; key: string[]; columns: unknown[] }[] };
  expect(shown.tables.map(({ name, key }) => [name, key])).toEqual([
    ['public.lines', ['n', 'order_id']],
    ['public.orders', ['id']],
  ]);
  expect(shown.tables[1]?.columns[4]).toEqual({
    name: 'mood',
    type: 'public.mood',
    kind: 'enum',
    nullable: true,
    typescript: "'sad' | 'it\\'s' | null",
  });
});

test('the state topic knows the same rows, but no labels', async () => {
  await using live = await openPipeline({
    sql: SHOP.replace('CREATE TABLE keyless (n int);', ''),
    source: SOURCE,
  });
  const early = await live.tailrace('types', '--from', 'registry');
  expect(early).toMatchObject({ exitCode: 3, stdout: '' });
  const producer = live.start('producer');
  await live.untilCaptured();
  await producer.end('SIGTERM');
  const fromDatabase = await live.tailrace('types');
  const fromState = await live.tailrace('types', '--from', 'registry');
  expect(fromState.exitCode).toBe(0);
  expect(fromState.stdout).toBe(fromDatabase.stdout.replaceAll(String.raw`'sad' | 'it\'s'`, 'string'));
});

describe('a file of types', () => {
  test('is stale after a migration, and the check shows the columns', async () => {
    expect(await types('--check')).toMatchObject({ exitCode: 2 });
    expect(await types('--out', 'tables.ts', '--check')).toMatchObject({ exitCode: 1 });
    expect(await types('--out', 'tables.ts')).toMatchObject({ exitCode: 0, stdout: '' });
    expect(await types('--out', 'tables.ts', '--check')).toMatchObject({ exitCode: 0, stdout: '' });
    await pipeline.database.query(
      'ALTER TABLE lines ADD note text; ALTER TABLE orders ALTER tags SET NOT NULL',
    );
    try {
      const stale = await types('--out', 'tables.ts', '--check');
      expect(stale).toMatchObject({
        exitCode: 1,
        stderr: expect.stringMatching(
          /^error TYPES_STALE: .*\n {2}fix: run tailrace types --out tables\.ts/m,
        ) as string,
      });
      expect(stale.stdout).toBe(
        `@@ 'public.lines' @@
+      /** text */
+      readonly note: string | null;
@@ 'public.orders' @@
-      readonly tags: string | null;
+      readonly tags: string;
`,
      );
    } finally {
      await pipeline.database.query(
        'ALTER TABLE lines DROP note; ALTER TABLE orders ALTER tags DROP NOT NULL',
      );
    }
    expect(await types('--out', 'tables.ts', '--check')).toMatchObject({ exitCode: 0 });
  });
});

test('the folder of the file is made; what cannot be written is an error of usage', async () => {
  expect(await types('--out', 'made/of/tables.ts')).toMatchObject({ exitCode: 0 });
  expect(await types('--out', 'made/of/tables.ts', '--check')).toMatchObject({ exitCode: 0 });
  expect(await types('--out', 'made/of')).toMatchObject({
    exitCode: 2,
    stderr: expect.stringMatching(/^error USAGE: made\/of cannot be read: /m) as string,
  });
});

const TSCONFIG = {
  compilerOptions: {
    target: 'es2024',
    lib: ['es2024', 'esnext.disposable', 'esnext.collection'],
    module: 'nodenext',
    strict: true,
    noEmit: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    types: ['node'],
    paths: { 'tailrace/*': [join(projectRoot, '*')] },
    typeRoots: [join(projectRoot, 'node_modules', '@types')],
  },
  files: ['transform.ts'],
};

/** What the compiler says of a transform beside `tables.ts`; empty when it takes it. */
async function compile(body: string, table = 'public.orders'): Promise<string> {
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(TSCONFIG));
  writeFileSync(
    join(folder, 'transform.ts'),
    `import { defineTransform } from 'tailrace/transforms/transform.ts';
import type { Tables } from './tables.ts';

export default defineTransform<Tables['public.orders']>('${table}', (event) => {
  if (event.after === null) return event;
${body}
});
`,
  );
  return new Promise((resolve) => {
    execFile(
      join(projectRoot, 'node_modules', '.bin', 'tsc'),
      ['-p', '.'],
      { cwd: folder },
      (_error, stdout) => resolve(stdout),
    );
  });
}

describe('the compiler checks a transform against the tables', () => {
  beforeAll(async () => {
    await types('--out', 'tables.ts');
  });

  test('a right one compiles, and the program runs it', async () => {
    const right = `  const mood = event.after.id > 10n ? 'sad' : event.after.mood;
  return { ...event, after: { ...event.after, mood, 'odd name': (event.after['odd name'] ?? 0) + 1 } };`;
    expect(await compile(right)).toBe('');
    const config = readFileSync(pipeline.configFile, 'utf8');
    try {
      pipeline.configure({ ...SOURCE, transforms: [{ module: './transform.ts' }] });
      expect(await pipeline.tailrace('config', 'validate')).toMatchObject({ exitCode: 0 });
    } finally {
      writeFileSync(pipeline.configFile, config);
    }
  });

  test.each([
    ['a misspelt column', 'event.after.totl; return event;', /Property 'totl' does not exist/],
    [
      'a number for a bigint',
      'return { ...event, after: { ...event.after, id: 5 } };',
      /Type 'number' is not assignable to type 'bigint'/,
    ],
    [
      'a label that the enum has not',
      "return { ...event, after: { ...event.after, mood: 'glad' } };",
      /'"glad"' is not assignable/,
    ],
    [
      'any text for a time',
      "return { ...event, after: { ...event.after, placed: 'today' } };",
      /not assignable to type 'Timestamptz'/,
    ],
    [
      'null where there is none',
      'return { ...event, after: { ...event.after, total: null } };',
      /'null' is not assignable to type 'string'/,
    ],
    [
      'a column that may be null',
      'return { ...event, after: { ...event.after, tags: event.after.tags.trim() } };',
      /'event.after.tags' is possibly 'null'/,
    ],
  ])('%s does not', async (_what, wrong, message) => {
    expect(await compile(`  ${wrong}`)).toMatch(message);
  });

  test('neither does the name of another table', async () => {
    expect(await compile('  return event;', 'public.lines')).toMatch(/'"public\.lines"' is not assignable/);
  });
});
