import { expect, test } from 'vitest';
import { openPipeline, type Pipeline } from './harness.ts';
import { readRecords } from './kafka.ts';
import { until } from './until.ts';

/** kafkajs' number of a topic's settings. */
const TOPIC = 2;

const TABLE = `
  CREATE TABLE doc (id int, part int, body text, PRIMARY KEY (part, id));
  ALTER TABLE doc REPLICA IDENTITY FULL;
  INSERT INTO doc VALUES (1, 1, 'small'), (2, 1, 'small')`;

/** Text that does not compress well. */
const large = (kilobytes: number) =>
  `(SELECT string_agg(encode(sha512(('s' || i)::bytea), 'base64'), '') FROM generate_series(1, ${kilobytes * 11}) i)`;

/** A topic as the brokers make it by default: no record over 1 MiB. */
async function withSmallTopic(pipeline: Pipeline): Promise<void> {
  const worker = pipeline.start('producer');
  await pipeline.untilCaptured();
  await worker.end('SIGTERM');
  await limitRecords(pipeline, 1_048_588);
}

async function limitRecords(pipeline: Pipeline, bytes: number): Promise<void> {
  await pipeline.admin.alterConfigs({
    validateOnly: false,
    resources: [
      {
        type: TOPIC,
        name: `${pipeline.name}.public.doc`,
        configEntries: [
          { name: 'max.message.bytes', value: String(bytes) },
          { name: 'cleanup.policy', value: 'compact' },
          { name: 'delete.retention.ms', value: '604800000' },
        ],
      },
    ],
  });
}

const options = { sql: TABLE, tables: ['doc'], sinks: { cache: 'redis' } } as const;

test('a row that is too large halts the producer with table, key columns and size, and goes on after a larger limit', async () => {
  await using pipeline = await openPipeline(options);
  await withSmallTopic(pipeline);
  const worker = pipeline.start('producer');
  await pipeline.untilCaptured();
  await pipeline.database.query(`INSERT INTO doc SELECT 77, 4242, ${large(2000)}`);
  const { exitCode, stderr } = await worker.ended;
  expect(exitCode).toBe(1);
  const [, message = ''] = /^error ROW_TOO_LARGE: (.*)$/m.exec(stderr) ?? [];
  expect(message).toMatch(
    new RegExp(
      `^a row of public\\.doc \\(key part, id; at [0-9A-F]+/[0-9A-F]+\\) has [\\d.]+ MB, and topic ${pipeline.name}\\.public\\.doc takes 1023 kB$`,
    ),
  );
  expect(stderr).not.toContain('4242');
  expect(stderr).toContain('--add-config max.message.bytes=');

  await limitRecords(pipeline, 64 * 1024 * 1024);
  pipeline.start('producer');
  pipeline.start('sink', 'cache');
  await pipeline.untilCaughtUp();
  await pipeline.expectEqual(['public.doc']);
});

test('with kafka.largeRows skip the row is left out with a note that holds no value of it, and all else flows', async () => {
  await using pipeline = await openPipeline({ ...options, kafka: { largeRows: 'skip' } });
  await withSmallTopic(pipeline);
  const worker = pipeline.start('producer');
  pipeline.start('sink', 'cache');
  await pipeline.untilCaptured();
  await pipeline.database.query(`INSERT INTO doc SELECT 77, 4242, ${large(2000)}`);
  await pipeline.database.query(`UPDATE doc SET body = 'other' WHERE id = 1`);
  await pipeline.untilCaughtUp();
  const notes = await readRecords(pipeline.kafka, pipeline.admin, `${pipeline.name}.tailrace.dlq.producer`);
  expect(notes).toHaveLength(1);
  const note = JSON.parse(notes[0]?.value?.toString() ?? '{}') as { bytes: number };
  expect(note).toMatchObject({
    table: 'public.doc',
    keyColumns: ['part', 'id'],
    op: 'c',
    topic: `${pipeline.name}.public.doc`,
  });
  expect(note.bytes).toBeGreaterThan(1_048_588);
  expect(JSON.stringify(note)).not.toContain('4242');
  expect((await worker.status('producer')).details['largeRowsSkipped']).toBe(1);
  expect(await worker.metric('tailrace_capture_skipped_rows_total{table="public.doc"}')).toBe(1);

  await pipeline.database.query(`UPDATE doc SET body = 'small again' WHERE id = 77`);
  await pipeline.untilCaughtUp();
  await pipeline.expectEqual(['public.doc']);
});

test('an old row that makes a change too large is left out of it: updates and deletes arrive', async () => {
  await using pipeline = await openPipeline(options);
  await withSmallTopic(pipeline);
  const worker = pipeline.start('producer');
  pipeline.start('sink', 'cache');
  await pipeline.untilCaptured();
  await pipeline.database.query(`INSERT INTO doc SELECT 3, 1, ${large(700)}`);
  await pipeline.database.query(`UPDATE doc SET body = body || '!' WHERE id = 3`);
  await pipeline.untilCaughtUp();
  await pipeline.expectEqual(['public.doc']);
  await pipeline.database.query('DELETE FROM doc WHERE id = 3');
  await pipeline.untilCaughtUp();
  await pipeline.expectEqual(['public.doc']);
  expect((await worker.status('producer')).state).toBe('running');
});

test('a row of the snapshot that is too large is told in the same way', async () => {
  await using pipeline = await openPipeline({ ...options, kafka: { largeRows: 'skip' } });
  await withSmallTopic(pipeline);
  await pipeline.database.query(`INSERT INTO doc SELECT 5, 5, ${large(1500)}`);
  const worker = pipeline.start('producer');
  await pipeline.untilCaptured();
  await pipeline.tailrace('snapshot', 'public.doc');
  await until(
    'the snapshot has come across the row',
    async () => (await worker.status('producer')).details['largeRowsSkipped'] === 2,
  );
  await pipeline.untilCaptured();
});
