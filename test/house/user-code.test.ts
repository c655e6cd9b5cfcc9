import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { projectRoot } from '../architecture/project-files.ts';
import { readDocument } from './document.ts';

/** A folder outside of the project with nothing installed, in which the examples of the pages lie word by word. */
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tailrace-user-code-'));
  const [config = ''] = codeOf('config.md', 'ts');
  const [tsconfig = ''] = codeOf('config.md', 'json');
  const [size = '', shout = ''] = codeOf('transforms.md', 'ts');
  write('tailrace.config.ts', config);
  write('tsconfig.json', tsconfig.replaceAll('/path/to/tailrace', projectRoot));
  write('transforms/size.ts', size);
  write('transforms/shout.ts', shout);
  write('transforms/tables.ts', TABLES);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** As `tailrace types` writes them. */
const TABLES = `export interface Tables {
  readonly 'public.places': {
    readonly name: 'public.places';
    readonly key: { readonly id: bigint };
    readonly row: { readonly id: bigint; readonly name: string };
  };
}
`;

function codeOf(page: string, language: string): string[] {
  return [...readDocument(page).matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, 'gm'))].map(
    ([, code = '']) => code,
  );
}

function write(name: string, text: string): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), text);
}

interface Ending {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(program: string, ...args: string[]): Promise<Ending> {
  return new Promise((resolve) => {
    const env = { ...process.env, DATABASE_URL: 'postgres://host/database', REDIS_URL: 'redis://host' };
    const child = execFile(join(projectRoot, program), args, { cwd: folder, env }, (_error, stdout, stderr) =>
      resolve({ exitCode: child.exitCode, stdout, stderr }),
    );
  });
}

const validate = (file: string) => run('bin/tailrace', 'config', 'validate', '-c', file);

test('the config in TypeScript of docs/config.md works as written', async () => {
  expect(await run('bin/tailrace', 'config', 'validate')).toEqual({
    exitCode: 0,
    stdout: `${join(folder, 'tailrace.config.ts')} is valid: 1 sinks\n`,
    stderr: '',
  });
});

test('the transforms of docs/transforms.md work as written', async () => {
  write(
    'with-transforms.config.ts',
    `import config from './tailrace.config.ts';
     export default { ...config, source: { ...config.source, transforms: [
       { module: './transforms/size.ts' }, { module: './transforms/shout.ts' } ] } };`,
  );
  expect(await validate('with-transforms.config.ts')).toMatchObject({ exitCode: 0, stderr: '' });
});

test('the compiler takes all of them with the settings of docs/config.md, and refuses a wrong key', async () => {
  const compiled = () => run('node_modules/.bin/tsc', '-p', '.');
  expect(await compiled()).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  const [config = ''] = codeOf('config.md', 'ts');
  write('wrong.config.ts', config.replace('brokers:', 'borkers:'));
  expect((await compiled()).stdout).toContain('wrong.config.ts');
});

test.each([
  ["import 'nothing';", "cannot be loaded: Cannot find package 'nothing' imported from"],
  ["import 'tailrace/nothing.ts';", 'cannot be loaded: Cannot find module'],
  ['export default {\n  pipeline: ,', 'cannot be loaded: Expression expected (FILE:2)'],
  ["\nthrow new Error('not today');", 'cannot be loaded: not today (FILE:2)'],
  ['export const config = {};', 'has no default export'],
])('the config "%s" is refused in words for its author', async (code, problem) => {
  write('broken.config.ts', code);
  const { exitCode, stderr } = await validate('broken.config.ts');
  const file = join(folder, 'broken.config.ts');
  expect(stderr.replaceAll(file, 'FILE')).toContain(`error CONFIG_INVALID: FILE ${problem}`);
  expect(stderr).toMatch(/\n {2}fix: (mend the file|write: export default)/);
  expect(exitCode).toBe(2);
});

test('`config validate` tells each transform that cannot be loaded, wherever the config names it', async () => {
  for (const name of ['capture', 'sink', 'table']) write(`transforms/broken-${name}.ts`, "import 'nothing';");
  const broken = (name: string) => [{ module: `./transforms/broken-${name}.ts` }];
  const redis = { type: 'redis', url: 'redis://host' };
  const config = {
    pipeline: 'shop',
    source: {
      url: 'postgres://host/database',
      tables: ['public.*'],
      transforms: broken('capture'),
    },
    kafka: { brokers: ['host:9092'] },
    sinks: {
      first: { ...redis, transforms: broken('sink') },
      second: { ...redis, mapping: { 'public.orders': { transforms: broken('table') } } },
      third: redis,
    },
  };
  write('broken.yaml', JSON.stringify(config));
  const { exitCode, stderr } = await validate('broken.yaml');
  const told = [
    ...stderr.matchAll(/^error CONFIG_INVALID: .*broken-(\w+)\.ts: the module cannot be loaded: /gm),
  ];
  expect(told.map(([, name]) => name)).toEqual(['capture', 'sink', 'table']);
  expect(stderr.match(/^ {2}fix: mend .*broken-\w+\.ts$/gm)).toHaveLength(3);
  expect(exitCode).toBe(2);
});
