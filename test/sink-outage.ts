import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Sink, Verdict } from '../consumers/sink.ts';
import type { SinkHarness } from './sink-contract.ts';
import { expectedRows, makeTarget, normalizedRows, upsert } from './sink-contract-model.ts';
import { startTcpProxy } from './tcp-proxy.ts';

export interface OutageHarness extends Pick<SinkHarness, 'read' | 'remove' | 'classify'> {
  /** The real server. */
  readonly host: string;
  readonly port: number;
  /** A sink that is not connected yet, for the store behind 127.0.0.1 and this port, with the login of its own where there is one. */
  create(port: number, login?: Login): Sink;
  /** Makes a login that may do all that the sink needs, for stores where a test can. */
  readonly makeLogin?: () => Promise<{ readonly login: Login; readonly remove: () => Promise<void> }>;
}

/** The options of every sink for a login other than that of its url. */
export interface Login {
  readonly username: string;
  readonly password: string;
}

/** A dead store gives an error of kind `retry` within seconds, and the same sink works again once the store is back. */
export function sinkOutage(name: string, harness: OutageHarness): void {
  describe(`${name} behind a broken network`, () => {
    test('an outage is called retry, and the same sink goes on by itself afterwards', async () => {
      const target = makeTarget('outage', ['id'], { id: { kind: 'int4' }, name: { kind: 'text' } });
      const proxy = await startTcpProxy(harness.host, harness.port);
      const sink = harness.create(proxy.port);
      onTestFinished(async () => {
        await sink.close();
        await proxy.cut();
        await harness.remove([target]);
      });
      await sink.connect();
      await sink.prepare([target]);
      const before = upsert(target, { id: 1, name: 'before' }, 1);
      expect(await sink.write([before])).toEqual([{ result: 'applied' }]);

      await proxy.cut();
      const after = upsert(target, { id: 2, name: 'after' }, 2);
      expect(await verdictOf(sink.write([after]), harness)).toMatchObject(UNREACHABLE);

      await proxy.restore();
      await retried(() => sink.write([after]), harness);
      expect(normalizedRows(target, await harness.read(target))).toEqual(
        expectedRows(target, [before, after]),
      );
    });

    test('an outage in the middle of a write is called retry, and the batch sent again is whole', async () => {
      const target = makeTarget('broken', ['id'], { id: { kind: 'int4' }, name: { kind: 'text' } });
      const proxy = await startTcpProxy(harness.host, harness.port);
      const sink = harness.create(proxy.port);
      onTestFinished(async () => {
        await sink.close();
        await proxy.cut();
        await harness.remove([target]);
      });
      await sink.connect();
      await sink.prepare([target]);
      const writes = Array.from({ length: 2_000 }, (_, id) =>
        upsert(target, { id, name: randomBytes(200).toString('base64') }, 1),
      );
      const cut = proxy.cutAfter(100_000);
      expect(await verdictOf(sink.write(writes), harness)).toMatchObject(UNREACHABLE);

      await cut;
      await proxy.restore();
      await retried(() => sink.write(writes), harness);
      expect(normalizedRows(target, await harness.read(target))).toEqual(expectedRows(target, writes));
    });

    test('a server that takes connections and never answers is called retry', async () => {
      const proxy = await startTcpProxy(harness.host, harness.port);
      proxy.freeze();
      const sink = harness.create(proxy.port);
      onTestFinished(async () => {
        await sink.close();
        await proxy.cut();
      });
      expect(await verdictOf(sink.connect(), harness)).toMatchObject(UNREACHABLE);
    });

    test('a store that was never there is called retry', async () => {
      const proxy = await startTcpProxy(harness.host, harness.port);
      await proxy.cut();
      const sink = harness.create(proxy.port);
      onTestFinished(() => sink.close());
      expect(await verdictOf(sink.connect(), harness)).toMatchObject(UNREACHABLE);
    });

    const { makeLogin } = harness;
    if (makeLogin === undefined) return;
    test('a login that is taken away while the sink runs stops it', async () => {
      const target = makeTarget('login', ['id'], { id: { kind: 'int4' }, name: { kind: 'text' } });
      const proxy = await startTcpProxy(harness.host, harness.port);
      const { login, remove } = await makeLogin();
      const sink = harness.create(proxy.port, login);
      onTestFinished(async () => {
        await sink.close();
        await proxy.cut();
        await harness.remove([target]);
      });
      await sink.connect();
      await sink.prepare([target]);
      const write = upsert(target, { id: 1, name: 'before' }, 1);
      expect(await sink.write([write])).toEqual([{ result: 'applied' }]);
      await remove();
      // Some stores ask for a password once a connection.
      await proxy.cut();
      await proxy.restore();
      const error: unknown = await retried(() => sink.write([write]), harness).catch(
        (thrown: unknown) => thrown,
      );
      expect(harness.classify(error)).toMatchObject({ outcome: 'stop', code: 'SINK_AUTH_FAILED' });
    });
  });
}

const UNREACHABLE = { outcome: 'retry', code: 'SINK_UNREACHABLE' };

async function verdictOf(call: Promise<unknown>, { classify }: OutageHarness): Promise<Verdict> {
  return call.then(
    () => {
      throw new Error('the call succeeded without a server');
    },
    (error: unknown) => classify(error),
  );
}

/** As the runtime does, for as long as the test may take. */
async function retried(call: () => Promise<unknown>, { classify }: OutageHarness): Promise<void> {
  for (;;) {
    try {
      await call();
      return;
    } catch (error) {
      if (classify(error).outcome !== 'retry') throw error;
      await delay(200);
    }
  }
}
