import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { projectRoot } from '../architecture/project-files.ts';
import { addressOf, uniqueName } from '../question.ts';
import { openSourceDatabase, type SourceDatabase } from './source-database.ts';
import { until } from './until.ts';

const PROGRAM = join(projectRoot, 'bin', 'tailrace');

/** `tailrace query` as a user runs it. A query asks neither Kafka nor the registry, so these are not there. */
let database: SourceDatabase;
let folder: string;

beforeAll(async () => {
  database = await openSourceDatabase();
  await database.query(`
    CREATE TABLE contacts (id bigint PRIMARY KEY, name text, price numeric);
    INSERT INTO contacts VALUES (1, 'Ann', 1.10), (9223372036854775807, NULL, 2), (3, '', NULL)`);
  folder = mkdtempSync(join(tmpdir(), 'tailrace-query-'));
  const config = {
    pipeline: 'query',
    source: { url: database.url, tables: ['public.*'] },
    kafka: { brokers: ['127.0.0.1:1'] },
    sinks: {
      cache: { type: 'redis', url: addressOf('REDIS_URL') },
      down: { type: 'redis', url: 'redis://user:secret@127.0.0.1:1' },
    },
  };
  writeFileSync(join(folder, 'tailrace.yaml'), stringify(config));
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await database[Symbol.asyncDispose]();
});

interface Ending {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function query(args: readonly string[], input = ''): Promise<Ending> {
  return new Promise((resolve) => {
    const child = execFile(PROGRAM, ['query', ...args], { cwd: folder }, (_error, stdout, stderr) =>
      resolve({ exitCode: child.exitCode, stdout, stderr }),
    );
    child.stdin?.end(input);
  });
}

const ALL = 'SELECT * FROM contacts ORDER BY id';

test('rows are a table on stdout, their number and the time are on stderr', async () => {
  const { exitCode, stdout, stderr } = await query(['postgres', ALL]);
  expect({ exitCode, stdout }).toEqual({
    exitCode: 0,
    stdout: [
      '                 id  name  price',
      '                  1  Ann    1.10',
      '                  3         NULL',
      '9223372036854775807  NULL      2',
      '',
    ].join('\n'),
  });
  expect(stderr).toMatch(/^3 rows in \d+\.\d{3} s\n$/);
});

test('the same rows are JSON and CSV', async () => {
  const { stdout } = await query(['postgres', ALL, '--json', '--max-rows', '2']);
  expect(JSON.parse(stdout)).toEqual({
    sink: 'postgres',
    seconds: expect.any(Number) as number,
    truncated: true,
    columns: ['id', 'name', 'price'],
    rows: [
      { id: 1, name: 'Ann', price: '1.10' },
      { id: 3, name: '', price: null },
    ],
  });
  const csv = await query(['postgres', ALL, '--csv']);
  expect(csv.stdout).toBe('id,name,price\n1,Ann,1.10\n3,"",\n9223372036854775807,,2\n');
});

test('the question comes from stdin or from a file too', async () => {
  expect((await query(['postgres', '-', '--csv'], 'SELECT 1 AS a\n')).stdout).toBe('a\n1\n');
  writeFileSync(join(folder, 'question.sql'), '-- two\nSELECT 2 AS a;\n');
  expect((await query(['postgres', '-f', 'question.sql', '--csv'])).stdout).toBe('a\n2\n');
});

test('a sink is asked with its own settings, and writes with --write alone', async () => {
  const key = uniqueName('query_command');
  const refused = await query(['cache', `SET ${key} 1`]);
  expect(refused).toMatchObject({ exitCode: 4, stdout: '' });
  expect(refused.stderr).toMatch(/^error QUERY_REFUSED: .*\n {2}fix: .*--write/);
  expect((await query(['cache', `EXISTS ${key}`, '--csv'])).stdout).toBe('value\n0\n');
  expect(await query(['cache', `SET ${key} 1 EX 60`, '--write'])).toMatchObject({ exitCode: 0 });
  expect((await query(['cache', `GET ${key}`, '--csv'])).stdout).toBe('value\n1\n');
});

/** Rows of about 5 MB as CSV, many times what a pipe holds. */
const MANY_ROWS = "SELECT i, repeat('x', 100) FROM generate_series(1, 50000) AS i";

/** The answer through a pipe of the shell: what its reader wrote, the program's stderr and its own exit code. */
function piped(reader: string): Promise<Ending> {
  const line = `{ "$0" query postgres "$1" --max-rows 50000 --csv; echo $? >&3; } | ${reader}`;
  return new Promise((resolve) => {
    const child = execFile(
      'sh',
      ['-c', `exec 3>exit-code; ${line}`, PROGRAM, MANY_ROWS],
      { cwd: folder },
      (_error, stdout, stderr) => {
        resolve({ exitCode: Number(readFileSync(join(folder, 'exit-code'), 'utf8')), stdout, stderr });
      },
    );
    child.stdin?.end();
  });
}

test('a pipe gets every row', async () => {
  const { exitCode, stdout } = await piped('wc -l');
  expect({ exitCode, lines: Number(stdout) }).toEqual({ exitCode: 0, lines: 50_001 });
});

test('a reader that has enough ends the command with the exit code of a broken pipe, without a word', async () => {
  const { exitCode, stdout, stderr } = await piped('head -1');
  expect({ exitCode, stdout }).toEqual({ exitCode: 141, stdout: 'i,repeat\n' });
  expect(stderr).toMatch(/^(50,000 rows in \d+\.\d{3} s\n)?$/);
});

test('a mistake ends with the exit code of its kind', async () => {
  const endings = await Promise.all([
    query(['nope', 'GET a']),
    query(['postgres', 'SELEC 1']),
    query(['down', 'PING']),
    query(['postgres']),
    query(['postgres', 'SELECT 1', '-f', 'question.sql']),
    query(['postgres', 'SELECT 1', '--max-rows', '0']),
    query(['postgres', 'SELECT 1', '--json', '--csv']),
    query(['postgres', '-f', 'nope.sql']),
  ]);
  expect(endings.map(({ exitCode, stdout }) => [exitCode, stdout])).toEqual(
    [3, 1, 1, 2, 2, 2, 2, 2].map((code) => [code, '']),
  );
  const [unknown, bad, down] = endings.map(({ stderr }) => stderr);
  expect(unknown).toMatch(/^error SINK_NOT_FOUND: .*"nope"\n {2}fix: its sinks are: cache, down\n$/);
  expect(bad).toMatch(/^error QUERY_FAILED: Postgres: syntax error at or near "SELEC"/);
  expect(down).toMatch(/^error SINK_UNREACHABLE: /);
  expect(down).not.toContain('secret');
}, 60_000);

test('a question ends with its time, and is cancelled in Postgres', async () => {
  const { exitCode, stderr } = await query(['postgres', "SELECT pg_sleep(100), 'by time'", '--timeout', '1']);
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^error QUERY_FAILED: no answer within 1 s|statement timeout/);
  await expectNoneRunning('by time');
});

test('Ctrl-C ends a question with 130, and cancels it in Postgres', async () => {
  let kill = (): void => undefined;
  const ending = new Promise<Ending>((resolve) => {
    const args = ['query', 'postgres', "SELECT pg_sleep(100), 'by hand'"];
    const child = execFile(PROGRAM, args, { cwd: folder }, (_error, stdout, stderr) =>
      resolve({ exitCode: child.exitCode, stdout, stderr }),
    );
    kill = () => child.kill('SIGINT');
  });
  await until(
    () => 'the query runs',
    async () => (await running('by hand')) === 1,
  );
  kill();
  expect(await ending).toEqual({ exitCode: 130, stdout: '', stderr: '' });
  await expectNoneRunning('by hand');
});

async function running(text: string): Promise<number> {
  const rows = await database.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM pg_stat_activity
     WHERE application_name = 'tailrace query' AND state = 'active' AND query LIKE $1`,
    [`%${text}%`],
  );
  return rows[0]?.n ?? 0;
}

async function expectNoneRunning(text: string): Promise<void> {
  await until(
    () => `no query ${text} is left`,
    async () => (await running(text)) === 0,
  );
}
