import { once } from 'node:events';
import type { Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectedRows, makeTarget, normalizedRows, remove, upsert } from '../../test/sink-contract-model.ts';
import type { Target, Write } from '../sink.ts';
import { sink as redis } from './index.ts';
import { startRedis, type OwnServer } from './test-server.ts';
import { preparedSink, rowsOf, testHarness, testUrl } from './test-sink.ts';

let server: OwnServer;
beforeAll(async () => {
  server = await startRedis(testUrl(), { appendonly: 'yes' });
});
afterAll(() => server.stop());

/** The rows that the sets name, by the rows' owners and by their steps. */
async function indexed(reader: Redis, { name }: Target): Promise<{ owners: string[]; steps: string[] }> {
  const owners: string[] = [];
  for (let owner = 0; owner < 10; owner++)
    owners.push(...(await reader.smembers(`${name}:by_owner:${owner}`)).map((id) => `${id} ${owner}`));
  const scored = await reader.zrange(`${name}:by_step`, '0', '-1', 'WITHSCORES');
  const steps = scored.flatMap((id, at) => (at % 2 === 0 ? [`${id} ${scored[at + 1]}`] : []));
  return { owners: owners.toSorted(), steps: steps.toSorted() };
}

describe.each(['hash', 'json'])('a server that is killed in the middle of writes of rows as %s', (as) => {
  test('has rows and sets that agree, and a replay ends as if nothing had been', async () => {
    const target = makeTarget('killed', ['id'], {
      id: { kind: 'int4' },
      owner: { kind: 'int4' },
      step: { kind: 'int4' },
    });
    const channel = `kill ${as}`;
    const mapping = { as, sets: ['by_owner:{owner}'], sorted: { by_step: 'step' }, notify: channel };
    const harness = testHarness(server.client, { url: server.url }, mapping);
    const sink = await preparedSink(harness, target);
    const batches = Array.from({ length: 8 }, (_, step) =>
      Array.from({ length: 3_000 }, (__, place): Write => {
        const id = (place + step * 700) % 4_000;
        return (place + step) % 5 === 0
          ? remove(target, { id }, step)
          : upsert(target, { id, owner: (id + step) % 10, step }, step);
      }),
    );
    const agrees = async (): Promise<void> => {
      const rows = [...(await rowsOf(server.client, target, `${target.name}:`))];
      expect(await indexed(server.client, target)).toEqual({
        owners: rows.map(([id, { owner }]) => `${id} ${owner}`).toSorted(),
        steps: rows.map(([id, { step }]) => `${id} ${step}`).toSorted(),
      });
    };

    const verdicts: unknown[] = [];
    for (const [number, batch] of batches.entries()) {
      if (number % 4 !== 3) {
        await retried(() => sink.write(batch));
        continue;
      }
      const listener = server.client.duplicate();
      await listener.subscribe(channel);
      const isUnderWay = once(listener, 'message');
      const written = sink.write(batch).catch((thrown: unknown) => redis.classify(thrown).outcome);
      await isUnderWay;
      await server.kill();
      verdicts.push(await written);
      listener.disconnect();
      await server.start();
      await agrees();
    }
    expect(verdicts).toContain('retry');
    for (const batch of batches) await retried(() => sink.write(batch));
    await agrees();
    expect(normalizedRows(target, await harness.read(target))).toEqual(expectedRows(target, batches.flat()));
  });
});

/** As the runtime does. */
async function retried(call: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await call();
      return;
    } catch (error) {
      if (redis.classify(error).outcome !== 'retry') throw error;
      await delay(50);
    }
  }
}
