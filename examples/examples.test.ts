import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { loadConfig } from '../core/config/load.ts';
import { example as chinook } from './chinook/example.ts';
import { example as pursuit } from './pursuit/example.ts';

/** The variables that the local stack and docker compose give to a pipeline. */
const VARIABLES = {
  DATABASE_URL: 'postgres://localhost/sample',
  KAFKA_BROKERS: 'localhost:9092',
  REGISTRY_URL: 'http://localhost:8081',
  ELASTICSEARCH_URL: 'http://localhost:9200',
  CLICKHOUSE_URL: 'http://localhost:8123',
  MONGODB_URL: 'mongodb://localhost:27017',
  REDIS_URL: 'redis://localhost:6379',
  NEO4J_URL: 'bolt://localhost:7687',
};

afterEach(() => {
  vi.unstubAllEnvs();
});

describe.each([pursuit, chinook])('the example $name', (example) => {
  test('has a valid config for all its tables and the five stores', async () => {
    for (const [name, value] of Object.entries(VARIABLES)) vi.stubEnv(name, value);
    const path = fileURLToPath(new URL(`${example.name}/tailrace.yaml`, import.meta.url));
    const { config } = await loadConfig(path);
    expect(config.pipeline).toBe(example.name);
    expect(config.source.tables).toEqual(['public.*']);
    expect(config.kafka.brokers).toEqual(['localhost:9092']);
    expect(Object.entries(config.sinks).map(([name, sink]) => [name, sink.type, sink.url])).toEqual([
      ['search', 'elasticsearch', VARIABLES.ELASTICSEARCH_URL],
      ['analytics', 'clickhouse', VARIABLES.CLICKHOUSE_URL],
      ['documents', 'mongodb', VARIABLES.MONGODB_URL],
      ['cache', 'redis', VARIABLES.REDIS_URL],
      ['graph', 'neo4j', VARIABLES.NEO4J_URL],
    ]);
  });
});
