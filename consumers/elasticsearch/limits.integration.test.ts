import { expect, onTestFinished, test } from 'vitest';
import { makeTarget, upsert } from '../../test/sink-contract-model.ts';
import { patientStore } from '../../test/patient-store.ts';
import type { Sink, Target } from '../sink.ts';
import { sink as elasticsearch } from './index.ts';
import { aliasNameOf } from './names.ts';
import { startGateway, type PassingBulk, type Refusal } from './test-gateway.ts';
import { newSink, removeIndices, search, server } from './test-sink.ts';

const TOO_MANY: Refusal = {
  status: 429,
  type: 'application/json',
  body: '{"error":{"type":"es_rejected_execution_exception","reason":"rejected execution"},"status":429}',
};
/** As a proxy says it, which knows nothing of JSON. */
const TOO_LARGE: Refusal = {
  status: 413,
  type: 'text/html',
  body: '<html><head><title>413 Request Entity Too Large</title></head></html>',
};

/** A sink whose requests pass a gateway, and the bulk requests that did. */
async function behindGateway(
  label: string,
  refuse: (bulk: Omit<PassingBulk, 'status'>, before: readonly PassingBulk[]) => Refusal | null,
): Promise<{ sink: Sink; target: Target; bulks: readonly PassingBulk[] }> {
  const target = makeTarget(label, ['id'], { id: { kind: 'int4' }, body: { kind: 'text' } });
  const gateway = await startGateway(server.url, (bulk) => refuse(bulk, gateway.bulks));
  const sink = newSink({ url: gateway.url });
  onTestFinished(async () => {
    await sink.close();
    await gateway.close();
    await removeIndices([target]);
  });
  await sink.connect();
  await sink.prepare([target]);
  return { sink, target, bulks: gateway.bulks };
}

test('a throttle halves the bulk until it passes, and it grows again', async () => {
  const { sink, target, bulks } = await behindGateway('es_throttled', (_, { length }) =>
    length < 2 ? TOO_MANY : null,
  );
  const writes = Array.from({ length: 5_000 }, (_, id) => upsert(target, { id, body: 'x' }, 1));
  const outcomes = await patientStore(sink, elasticsearch).write(writes);
  expect(outcomes).toEqual(writes.map(() => ({ result: 'applied' })));
  expect(bulks.map(({ documents, status }) => [documents, status])).toEqual([
    [5_000, 429],
    [2_500, 429],
    [1_250, 200],
    [1_375, 200],
    [1_513, 200],
    [862, 200],
  ]);
  expect((await search(aliasNameOf(target.name))).size).toBe(5_000);
});

test('a request too large for a proxy is halved until it passes, and the row to blame is rejected alone', async () => {
  const maxBytes = 64 * 1024;
  const { sink, target, bulks } = await behindGateway('es_too_large', ({ bytes }) =>
    bytes > maxBytes ? TOO_LARGE : null,
  );
  const secret = 'secret'.repeat(20_000);
  const writes = Array.from({ length: 40 }, (_, id) =>
    upsert(target, { id, body: id === 17 ? secret : 'x'.repeat(5_000) }, 1),
  );
  const outcomes = await sink.write(writes);
  expect(outcomes.map(({ result }) => result)).toEqual(
    writes.map((_, id) => (id === 17 ? 'rejected' : 'applied')),
  );
  const [refused] = outcomes.filter((outcome) => outcome.result === 'rejected');
  expect(elasticsearch.classify(refused?.error)).toMatchObject({
    outcome: 'park',
    code: 'SINK_EVENT_REJECTED',
  });
  expect(JSON.stringify([refused?.error, refused?.error.message])).not.toContain('secret');
  const stored = await search(aliasNameOf(target.name));
  expect({ rows: stored.size, hasRefused: stored.has('17') }).toEqual({ rows: 39, hasRefused: false });
  expect(bulks.every(({ bytes, status }) => status === (bytes > maxBytes ? 413 : 200))).toBe(true);
});
