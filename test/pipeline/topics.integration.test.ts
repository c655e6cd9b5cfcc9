import { expect, test } from 'vitest';
import { openPipeline, type Pipeline } from './harness.ts';

interface Check {
  readonly part: string;
  readonly name: string;
  readonly status: string;
  readonly evidence: string;
  readonly fix: string | null;
}

const TABLE =
  'CREATE TABLE item (id int PRIMARY KEY, n int); INSERT INTO item SELECT i, 0 FROM generate_series(1, 50) i';

/** kafkajs' number of a topic's settings. */
const TOPIC = 2;

async function configure(pipeline: Pipeline, topic: string, settings: Record<string, string>): Promise<void> {
  await pipeline.admin.alterConfigs({
    validateOnly: false,
    resources: [
      {
        type: TOPIC,
        name: topic,
        configEntries: Object.entries(settings).map(([name, value]) => ({ name, value })),
      },
    ],
  });
}

async function kafkaChecks(pipeline: Pipeline): Promise<Check[]> {
  const { stdout } = await pipeline.tailrace('doctor', '--json');
  const { checks } = JSON.parse(stdout) as { checks: Check[] };
  return checks.filter(({ part, name }) => part === 'kafka' && name !== 'connection');
}

async function capturedOnce(pipeline: Pipeline): Promise<void> {
  const worker = pipeline.start('producer');
  await pipeline.untilCaptured();
  await worker.end('SIGTERM');
}

test('topics that the producer has made have no finding, and a store can be rebuilt from them', async () => {
  await using pipeline = await openPipeline({ sql: TABLE });
  expect(await kafkaChecks(pipeline)).toMatchObject([{ name: 'topics', status: 'ok' }]);
  await capturedOnce(pipeline);
  const checks = await kafkaChecks(pipeline);
  expect(checks.filter(({ status }) => status !== 'ok')).toEqual([]);
  expect(checks.map(({ name }) => name)).toEqual(['topic', 'topic', 'topic', 'topic', 'rebuild']);
  expect(checks.at(-2)?.evidence).toBe(
    `${pipeline.name}.public.item: 3 partitions, 1 replica, compact, rows up to 64 MB`,
  );
});

test('a topic that forgets rows is told with the command that mends it, and is no ground for a rebuild', async () => {
  await using pipeline = await openPipeline({ sql: TABLE });
  await capturedOnce(pipeline);
  const topic = `${pipeline.name}.public.item`;
  await configure(pipeline, topic, {
    'cleanup.policy': 'delete',
    'retention.ms': '3600000',
    'max.message.bytes': '67108864',
  });
  const checks = (await kafkaChecks(pipeline)).filter(({ status }) => status !== 'ok');
  expect(checks).toMatchObject([
    {
      name: 'topic',
      status: 'warn',
      evidence: expect.stringContaining('cleanup.policy is delete with retention.ms 3600000') as string,
      fix: expect.stringContaining(`--entity-name ${topic} --add-config cleanup.policy=compact`) as string,
    },
    { name: 'rebuild', status: 'warn', evidence: expect.stringContaining('by age or size') as string },
  ]);
  const worker = pipeline.start('producer');
  await pipeline.untilCaptured();
  expect(worker.log().map(({ topic: named, fix }) => [named, fix])).toContainEqual([topic, checks[0]?.fix]);
  await worker.end('SIGTERM');

  pipeline.configure({ snapshot: 'never' });
  const { exitCode, stderr } = await pipeline.start('producer').ended;
  expect(exitCode).toBe(6);
  expect(stderr).toContain(`error TOPIC_UNSAFE: topic ${topic}: cleanup.policy is delete`);
});

test('a state topic that forgets is refused', async () => {
  await using pipeline = await openPipeline({ sql: TABLE });
  await capturedOnce(pipeline);
  const topic = `${pipeline.name}.tailrace.state`;
  await configure(pipeline, topic, { 'cleanup.policy': 'delete', 'retention.ms': '604800000' });
  const { exitCode, stderr } = await pipeline.start('producer').ended;
  expect(exitCode).toBe(6);
  expect(stderr).toContain(`error TOPIC_UNSAFE: topic ${topic}: `);
  await configure(pipeline, topic, { 'cleanup.policy': 'compact' });
  pipeline.start('producer');
  await pipeline.untilCaptured();
});

test('partitions that were added by hand stay empty, so that no key moves', async () => {
  await using pipeline = await openPipeline({ sql: TABLE, partitions: 2 });
  await capturedOnce(pipeline);
  const topic = `${pipeline.name}.public.item`;
  const before = new Map(
    (await pipeline.records('public.item')).map(({ key, partition }) => [key.toString(), partition]),
  );
  await pipeline.admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] });
  expect((await kafkaChecks(pipeline)).filter(({ status }) => status !== 'ok')).toMatchObject([
    {
      name: 'topic',
      evidence: expect.stringContaining('has 5 partitions, the pipeline began with 2') as string,
    },
  ]);
  const worker = pipeline.start('producer');
  await pipeline.untilCaptured();
  await pipeline.database.query('UPDATE item SET n = 1');
  await pipeline.slotConfirms();
  const after = await pipeline.records('public.item');
  expect(after).toHaveLength(100);
  for (const { key, partition } of after) expect(partition).toBe(before.get(key.toString()));
  expect(worker.stderr()).toContain('it goes on with those, since keys would move');
});

test('records that were deleted from a topic are told', async () => {
  await using pipeline = await openPipeline({ sql: TABLE, partitions: 1 });
  await capturedOnce(pipeline);
  const topic = `${pipeline.name}.public.item`;
  const settings = { 'delete.retention.ms': '604800000', 'max.message.bytes': '67108864' };
  // Kafka deletes no records of a topic that is only compacted.
  await configure(pipeline, topic, { ...settings, 'cleanup.policy': 'delete' });
  await pipeline.admin.fetchTopicOffsets(topic);
  await pipeline.admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '10' }] });
  await configure(pipeline, topic, { ...settings, 'cleanup.policy': 'compact' });
  expect((await kafkaChecks(pipeline)).filter(({ status }) => status !== 'ok')).toMatchObject([
    {
      name: 'rebuild',
      evidence: expect.stringContaining('records were deleted from the beginning of 1 partitions') as string,
      fix: expect.stringContaining('tailrace snapshot public.item') as string,
    },
  ]);
});
