import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { allServers } from '../../infra/servers/all.ts';
import { readComposeFile, readText, variablesOf, type ComposeFile, type Service } from './compose-file.ts';
import * as rules from './rules.ts';

/** Every rule, a bug that breaks it, and what the rule must say of the bug. */
const cases: [rule: rules.Rule, bug: (file: ComposeFile) => void, says: RegExp][] = [
  [rules.imagesArePinned, change('redis', { image: 'redis:latest' }), /redis: image redis:latest/],
  [rules.imagesArePinned, change('mongodb', { image: 'mongo:8' }), /mongodb: image mongo:8 /],
  [rules.imagesArePinned, change('kafka', { image: 'apache/kafka' }), /kafka: image apache\/kafka /],
  [rules.servicesHaveHealthChecks, change('neo4j', { healthcheck: undefined }), /neo4j: no health check/],
  [
    rules.servicesHaveHealthChecks,
    change('producer', { healthcheck: { disable: true } }),
    /producer: no health/,
  ],
  [
    rules.dependenciesAreAwaited,
    change('sink-cache', { depends_on: ['redis'] }),
    /sink-cache: depends_on as a/,
  ],
  [
    rules.dependenciesAreAwaited,
    waitFor('sink-cache', 'redis', 'service_started'),
    /redis with service_started/,
  ],
  [
    rules.dependenciesAreAwaited,
    waitFor('producer', 'example-load', 'service_healthy'),
    /not with service_compl/,
  ],
  [rules.dependenciesAreAwaited, waitFor('grafana', 'loki', 'service_healthy'), /loki, which does not exist/],
  [rules.portsAreOnLoopback, change('postgres', { ports: ['5432:5432'] }), /postgres: port 5432:5432/],
  [rules.portsAreOnLoopback, change('kafka', { ports: ['0.0.0.0:29092:29092'] }), /kafka: port 0\.0\.0\.0/],
  [rules.hostPortsDiffer, change('grafana', { ports: ['127.0.0.1:9090:3000'] }), /port 9090 is used twice/],
  [
    rules.volumesAreDeclaredAndUsed,
    change('redis', { volumes: ['cache:/data'] }),
    /volume cache is not declared/,
  ],
  [rules.volumesAreDeclaredAndUsed, change('redis', { volumes: [] }), /volume redis-data is not used/],
  [
    rules.mountedFilesAreReadOnly,
    change('grafana', { volumes: ['./infra:/infra'] }),
    /is mounted for writing/,
  ],
  [
    rules.servicesRestartAndStopGently,
    change('sink-graph', { restart: 'no' }),
    /sink-graph: does not restart/,
  ],
  [
    rules.servicesRestartAndStopGently,
    change('neo4j', { stop_grace_period: undefined }),
    /neo4j: no stop_grace/,
  ],
  [rules.privilegesAreNotGained, change('mongodb', { security_opt: [] }), /mongodb: may gain privileges/],
  [rules.ownServicesAreLockedDown, change('producer', { user: '0:0' }), /producer: runs as root/],
  [rules.ownServicesAreLockedDown, change('producer', { user: undefined }), /producer: runs as root/],
  [rules.ownServicesAreLockedDown, change('sink-cache', { read_only: false }), /sink-cache: may write/],
  [rules.ownServicesAreLockedDown, change('sink-cache', { tmpfs: [] }), /sink-cache: has no tmpfs/],
  [
    rules.ownServicesAreLockedDown,
    change('example-load', { cap_drop: [] }),
    /example-load: keeps capabilities/,
  ],
  [rules.ownServicesAreLockedDown, change('producer', { init: false }), /producer: has no init/],
  [rules.memoryFitsALaptop, change('neo4j', { mem_limit: '2048m' }), /the limits sum up to \d+ MiB/],
  [rules.memoryFitsALaptop, change('neo4j', { mem_limit: undefined }), /neo4j: no mem_limit/],
  [rules.postgresWritesLogicalWal, change('postgres', { command: ['postgres'] }), /wal_level is not logical/],
  [
    rules.kafkaIsSetAsInTheLocalStack,
    change('kafka', { environment: {} }),
    /KAFKA_AUTO_CREATE_TOPICS_ENABLE is/,
  ],
  [
    rules.kafkaIsReachableFromInsideAndOutside,
    change('kafka', { ports: ['127.0.0.1:1:29092'] }),
    /127\.0\.0\.1:1$/,
  ],
  [
    rules.workersRunTheirPart,
    change('sink-cache', { command: ['run', 'sink', 'graph'] }),
    /sink-cache: does not/,
  ],
  [
    rules.addressesNameServices,
    change('producer', { environment: { REDIS_URL: 'redis://cache:1' } }),
    /REDIS_URL/,
  ],
];

describe('docker-compose.yml', () => {
  it.each(Object.entries(rules).filter(([, rule]) => isRule(rule)))('keeps the rule %s', (_name, rule) => {
    expect((rule as rules.Rule)(readComposeFile())).toEqual([]);
  });

  it('gives all workers exactly the addresses that the local stack exports', () => {
    const exported = allServers.map(({ variable }) => variable);
    for (const name of [...Object.keys(rules.WORKERS), 'example-load', 'example-workload']) {
      const { NODE_OPTIONS, ...addresses } = serviceOf(readComposeFile(), name).environment;
      expect(Object.keys(addresses).toSorted(), name).toEqual(exported.toSorted());
      expect(NODE_OPTIONS, name).toMatch(/--max-old-space-size=/);
    }
  });

  it('gives a value to every variable of the config file, and runs every sink of it', () => {
    const config = readText('examples/pursuit/tailrace.yaml');
    const { environment } = serviceOf(readComposeFile(), 'producer');
    const variables = [...config.matchAll(/\$\{([A-Z0-9_]+)\}/g)].map(([, name = '']) => name);
    expect(variables.filter((name) => environment[name] === undefined)).toEqual([]);
    const { sinks } = parse(config) as { sinks: object };
    const workers = Object.keys(rules.WORKERS).filter((name) => name.startsWith('sink-'));
    expect(Object.keys(sinks).map((name) => `sink-${name}`)).toEqual(workers);
  });

  it('makes each sink wait for its own store', () => {
    const file = readComposeFile();
    const { sinks } = parse(readText('examples/pursuit/tailrace.yaml')) as {
      sinks: Record<string, { url: string }>;
    };
    for (const [name, { url }] of Object.entries(sinks)) {
      const { environment, depends_on } = serviceOf(file, `sink-${name}`);
      const address = environment[url.replace(/^\$\{(.*)\}$/, '$1')] ?? '';
      expect(Object.keys(depends_on), name).toContain(rules.hostOf(address));
    }
  });

  it('runs the versions that the local stack runs, where that has the same software', () => {
    const { services } = readComposeFile();
    for (const name of ['kafka', 'registry', 'elasticsearch', 'neo4j'] as const) {
      const version = allServers.find((server) => server.name === name)?.version ?? 'none';
      expect(services[name]?.image, name).toContain(`:${version}`);
    }
  });

  it('has every setting in .env.example, with the same default', () => {
    const documented = readText('infra/compose/.env.example').match(/^[A-Z0-9_]+=.*$/gm) ?? [];
    const used = variablesOf(readText('docker-compose.yml')).map(({ name, value }) => `${name}=${value}`);
    expect([...new Set(used)].toSorted()).toEqual(documented.toSorted());
  });
});

describe('a rule finds its bug', () => {
  it.each(cases.map(([rule, bug, says]) => [rule.name, says, rule, bug] as const))(
    '%s: %s',
    (_, says, rule, bug) => {
      const file = readComposeFile();
      bug(file);
      expect(rule(file).join('\n')).toMatch(says);
    },
  );

  it('and no rule is without a bug', () => {
    const tried = new Set(cases.map(([rule]) => rule));
    expect(Object.values(rules).filter((rule) => isRule(rule) && !tried.has(rule))).toEqual([]);
  });
});

/** The module exports rules, which take one file, beside helpers that are named here. */
function isRule(value: unknown): value is rules.Rule {
  return typeof value === 'function' && value !== rules.isOwn && value !== rules.hostOf;
}

function serviceOf(file: ComposeFile, name: string): Service {
  const service = file.services[name];
  if (service === undefined) throw new Error(`docker-compose.yml has no service ${name}`);
  return service;
}

function change(name: string, part: Partial<{ [Key in keyof Service]: Service[Key] | undefined }>) {
  return (file: ComposeFile): void => {
    Object.assign(serviceOf(file, name), part);
  };
}

function waitFor(name: string, other: string, condition: string) {
  return (file: ComposeFile): void => {
    Object.assign(serviceOf(file, name).depends_on, { [other]: { condition } });
  };
}
