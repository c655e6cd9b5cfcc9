import { auth, driver as createDriver } from 'neo4j-driver';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { makeTarget, upsert } from '../../test/sink-contract-model.ts';
import { asRuntime } from '../../test/sink-contract-runtime.ts';
import type { Verdict } from '../sink.ts';
import { addressOf, optionsSchema } from './config.ts';
import { classify } from './errors.ts';
import { labelOf } from './names.ts';
import { LOCK } from './statements.ts';
import { closeReader, harness, query, url } from './test-graph.ts';

afterAll(closeReader);

const target = makeTarget('deadlock', ['id'], { id: { kind: 'int4' }, name: { kind: 'text' } });

/** Waits until a transaction whose statement has this text waits for a lock. */
async function untilBlocked(text: string): Promise<void> {
  for (;;) {
    const [row] = await query(
      `SHOW TRANSACTIONS YIELD status, currentQuery
       WHERE status STARTS WITH 'Blocked' AND currentQuery CONTAINS $text RETURN count(*) AS count`,
      { text },
    );
    if (row?.['count'] !== 0n) return;
  }
}

test('a deadlock with another program is told as retry, whoever loses it, and the batch is whole in the end', async () => {
  const opened = await harness.open();
  const address = addressOf(optionsSchema.parse({ url }));
  const driver = createDriver(address.url, auth.basic(address.username, address.password));
  onTestFinished(async () => {
    await driver.close();
    await harness.remove([target]);
    await opened.close();
  });
  const seen: Verdict[] = [];
  const note = (error: unknown): Verdict => {
    const verdict = classify(error);
    seen.push(verdict);
    return verdict;
  };
  const after = upsert(target, { id: 1, name: 'after' }, 2);
  await opened.sink.prepare([target]);
  await opened.sink.write([upsert(target, { id: 1, name: 'before' }, 1)]);

  // The sink holds its lock and waits for the row; the other holds the row and then waits for the sink's lock.
  const other = driver.session().beginTransaction();
  await other.run(`MATCH (n:${labelOf(target.name)} {id: 1}) SET n.other = true`);
  const written = asRuntime(note, () => opened.sink.write([after]));
  await untilBlocked(labelOf(target.name));
  await other
    .run(LOCK)
    .then(() => other.commit())
    .catch(note);

  expect(await written).toEqual([{ result: 'applied' }]);
  expect(seen).toMatchObject([{ outcome: 'retry', code: 'SINK_THROTTLED' }]);
  expect([...(await harness.read(target)).values()]).toMatchObject([{ name: 'after' }]);
});
