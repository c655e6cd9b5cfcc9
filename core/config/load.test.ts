import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { TailraceError } from '../errors.ts';
import { loadConfig } from './load.ts';
import { redact, redactUrl } from './redact.ts';

const MINIMAL = `
pipeline: shop
source: { url: 'postgres://u:p@localhost/db', tables: [public.*] }
kafka: { brokers: ['localhost:9092'] }
`;

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tailrace-config-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const load = (text: string) => {
  writeFileSync(join(folder, 'tailrace.yaml'), text);
  return loadConfig(join(folder, 'tailrace.yaml'));
};
const problem = async (text: string): Promise<TailraceError> => {
  const error: unknown = await load(text).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof TailraceError)) throw new Error('expected the config to be refused');
  return error;
};

describe('loadConfig', () => {
  test('fills in defaults, durations in milliseconds', async () => {
    const { config } = await load(MINIMAL);
    expect(config.source).toMatchObject({
      snapshot: 'initial',
      heartbeatInterval: 10_000,
      truncate: 'apply',
    });
    expect(config.kafka).toMatchObject({ partitions: 3, replicationFactor: 1, compression: 'none' });
    expect(config.metrics).toStrictEqual({ port: 9464, host: '127.0.0.1' });
  });

  test('an unknown key is named with its place, the nearest known key and all that are allowed', async () => {
    const error = await problem(MINIMAL.replace('tables:', 'heartbeatIntervall: 5s, tables:'));
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.exitCode).toBe(2);
    expect(error.message).toContain(
      'source: unknown key "heartbeatIntervall" (did you mean "heartbeatInterval"?)',
    );
    expect(error.message).toContain('allowed: url, tables, exclude, appendOnly');
  });

  test.each([
    ['tables: [orders]', 'source.tables.0: expected schema.table or schema.*'],
    ['tables: [public.*], snapshot: always', 'source.snapshot: '],
    ['tables: [public.*], heartbeatInterval: 10', 'source.heartbeatInterval: '],
  ])('%s is refused at its key', async (replacement, expected) => {
    expect((await problem(MINIMAL.replace('tables: [public.*]', replacement))).message).toContain(expected);
  });

  test.each([
    ['Cache: { type: redis }', 'sinks.Cache: expected a lower-case letter'],
    [
      'postgres: { type: redis }',
      'sinks.postgres: "postgres" stands for the source in `tailrace query`: give the sink another name',
    ],
    ['cache: { type: redis, mapping: { orders: {} } }', 'sinks.cache.mapping.orders: expected schema.table'],
  ])('the name in %s is refused with what a name may be', async (sink, expected) => {
    expect((await problem(`${MINIMAL}sinks: { ${sink} }`)).message).toContain(expected);
  });

  test('a key that is missing is called that', async () => {
    expect((await problem('pipeline: shop')).message).toContain('kafka: missing, expected object');
    expect((await problem(MINIMAL.replace('localhost:9092', 'h'))).message).toContain('expected host:port');
  });

  test('a value of none of several forms is refused with each of them', async () => {
    const error = await problem(MINIMAL.replace('brokers:', 'ssl: 1, brokers:'));
    expect(error.message).toContain(
      'kafka.ssl: Invalid input: expected boolean, received number, or Invalid',
    );
  });

  test("another key is refused for the tables of Debezium's topics", async () => {
    const sink = 'sinks: { cache: { type: redis, mapping: { public.people: { key: [email] } } } }';
    await load(`${MINIMAL}${sink}`);
    const error = await problem(`${MINIMAL}topics: { format: debezium }\n${sink}`);
    expect(error.message).toMatch(/sinks\.cache\.mapping\.public\.people\.key: .*message\.key\.columns/);
  });

  test('a missing file and text that is not YAML say so', async () => {
    await expect(loadConfig(join(folder, 'nothing.yaml'))).rejects.toMatchObject({
      code: 'CONFIG_NOT_FOUND',
      exitCode: 2,
    });
    expect((await problem('pipeline: [')).message).toContain('is not YAML');
    await expect(loadConfig(folder)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  test('variables, defaults and files are filled in; one variable can hold a list', async () => {
    vi.stubEnv('TEST_BROKERS', 'a:1,b:2');
    writeFileSync(join(folder, 'secret'), 'p:a/ss\n');
    const { config } = await load(`
pipeline: shop
source: { url: 'postgres://u:\${file:secret}@\${TEST_HOST:-localhost}/db', tables: [public.*] }
kafka: { brokers: ['\${TEST_BROKERS}'] }
`);
    expect(config.kafka.brokers).toStrictEqual(['a:1', 'b:2']);
    expect(config.source.url).toBe('postgres://u:p:a/ss@localhost/db');
  });

  test('a variable that is not set names itself and its key', async () => {
    const error = await problem(MINIMAL.replace('shop', '${TAILRACE_TEST_UNSET}'));
    expect(error.message).toBe('pipeline: the environment variable TAILRACE_TEST_UNSET is not set');
    expect(error.fix).toContain('TAILRACE_TEST_UNSET');
  });

  test('the same config can be written in TypeScript', async () => {
    const file = join(folder, 'tailrace.config.ts');
    writeFileSync(
      file,
      `export default { pipeline: 'shop' as string, source: { url: 'postgres://h/d', tables: ['public.*'] }, kafka: { brokers: ['h:1'] } };`,
    );
    expect((await loadConfig(file)).config.pipeline).toBe('shop');
  });
});

describe('redact', () => {
  test('passwords never show', async () => {
    const { config } = await load(
      `${MINIMAL}sinks: { cache: { type: redis, url: 'redis://:hunter2@h:6379/0', password: hunter2 } }`,
    );
    const shown = JSON.stringify(redact(config));
    expect(shown).not.toContain('hunter2');
    expect(shown).toContain('redis://:***@h:6379/0');
    expect(shown).toContain('postgres://u:***@localhost/db');
  });

  test.each([
    ['postgres://u:p@ss@h/d', 'postgres://u:***@h/d'],
    ['http://h:9200', 'http://h:9200'],
    ['neo4j+s://neo4j:a:b@h', 'neo4j+s://neo4j:***@h'],
  ])('%s shows as %s', (url, shown) => {
    expect(redactUrl(url)).toBe(shown);
  });
});
