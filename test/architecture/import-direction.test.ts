import { expect, test } from 'vitest';
import { cyclesOf, edgesOf, importGraph } from './import-graph.ts';
import { violationOf } from './import-rules.ts';

const graph = importGraph();

test('every import goes in the direction of the architecture', () => {
  expect(graph.length).toBeGreaterThan(100);
  expect(graph.map(violationOf).filter((violation) => violation !== undefined)).toEqual([]);
});

test('no imports run in a circle', () => {
  expect(cyclesOf(graph).map((cycle) => cycle.join(' -> '))).toEqual([]);
});

test.each([
  ['schemas/a.ts', "import '../core/errors.ts';", 'schemas may import only schemas'],
  ['core/a.ts', "import '../transforms/load.ts';", 'core may import only core, schemas'],
  ['core/config/a.ts', "import '../../consumers/sink.ts';", 'core may import only core, schemas'],
  ['transforms/a.ts', "import '../core/errors.ts';", 'transforms may import only transforms, schemas'],
  ['producers/a.ts', "import '../consumers/lag.ts';", 'producers may import only producers, core'],
  ['producers/postgres/a.ts', "await import('../../infra/stack.ts');", 'producers may import only'],
  [
    'consumers/a.ts',
    "export * from '../producers/producer.ts';",
    'consumers may import only consumers, core',
  ],
  ['consumers/a.ts', "import { s } from './redis/sink.ts';", 'consumers may import only consumers, core'],
  ['consumers/a.ts', "import '../cli/main.ts';", 'consumers may import only'],
  ['cli/a.ts', "import '../examples/demo.ts';", 'cli may import only'],
  ['cli/a.ts', "import '../consumers/redis/index.ts';", 'cli may import only'],
  ['infra/a.ts', "import '../cli/main.ts';", 'infra may import only infra'],
  [
    'examples/equality/a.ts',
    "import type { Row } from '../../schemas/value.ts';",
    'examples/equality may import only',
  ],
  ['examples/equality/a.ts', "import '../pause.ts';", 'examples/equality may import only'],
  ['examples/a.ts', "import '../consumers/redis/index.ts';", 'examples may import only'],
  ['consumers/redis/a.ts', "import '../neo4j/names.ts';", 'a store imports only itself'],
  ['consumers/redis/a.ts', "import { collapse } from '../collapse.ts';", 'a store imports only itself'],
  ['consumers/redis/a.ts', "import '../debezium/topics.ts';", 'a store imports only itself'],
  ['consumers/debezium/a.ts', "import '../redis/index.ts';", 'consumers may import only'],
  ['consumers/redis/a.ts', "import '../../transforms/load.ts';", 'a store imports only itself'],
  ['consumers/redis/a.ts', "import { type Sink } from '../sink.ts';", 'a store takes only types'],
  ['consumers/redis/a.ts', "import './test-server.ts';", 'code must not need a test file'],
  ['core/a.ts', "import './b.test.ts';", 'code must not need a test file'],
  ['examples/a.ts', "import '../test/sink-contract.ts';", 'code must not need a test file'],
  ['transforms/a.test.ts', "import '../core/errors.ts';", 'transforms may import only'],
  ['newcomer/a.ts', "import '../core/errors.ts';", 'no rule covers newcomer/a.ts'],
])('%s must not say %s', (file, source, reason) => {
  expect(edgesOf(file, source).map(violationOf)).toEqual([expect.stringContaining(reason)]);
});

test.each([
  ['consumers/redis/sink.ts', "import type { Sink } from '../sink.ts'; import '../../core/errors.ts';"],
  [
    'consumers/redis/sink.integration.test.ts',
    "import '../../test/sink-contract.ts'; import './test-server.ts';",
  ],
  ['consumers/a.ts', "import './debezium/topics.ts';"],
  ['consumers/debezium/a.ts', "import '../routes.ts';"],
  ['cli/run.ts', "import '../producers/producer.ts'; import '../consumers/consumer.ts';"],
  ['test/pipeline/a.test.ts', "import '../../cli/main.ts'; import '../../infra/stack-control.ts';"],
  ['core/a.ts', "import { readFileSync } from 'node:fs'; import 'kafkajs';"],
])('%s may say %s', (file, source) => {
  expect(
    edgesOf(file, source)
      .map(violationOf)
      .filter((violation) => violation !== undefined),
  ).toEqual([]);
});

test('a circle is found, also one through types and one of a file with itself', () => {
  const edges = [
    ...edgesOf('core/a.ts', "import './b.ts'; import './d.ts';"),
    ...edgesOf('core/b.ts', "import type { C } from './c.ts';"),
    ...edgesOf('core/c.ts', "export { a } from './a.ts'; import './d.ts';"),
    ...edgesOf('core/e.ts', "import './e.ts';"),
  ];
  expect(cyclesOf(edges)).toEqual([
    ['core/a.ts', 'core/b.ts', 'core/c.ts', 'core/a.ts'],
    ['core/e.ts', 'core/e.ts'],
  ]);
});
