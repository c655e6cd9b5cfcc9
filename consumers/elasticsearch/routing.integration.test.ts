import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import {
  expectedRows,
  makeTarget,
  normalizedRows,
  positionAt,
  remove,
  upsert,
} from '../../test/sink-contract-model.ts';
import type { Sink, Write } from '../sink.ts';
import { aliasNameOf } from './names.ts';
import { storedRow, type StoredDocument } from './test-server.ts';
import { newSink, removeIndices, search, server } from './test-sink.ts';

describe('routing and objects', () => {
  const rows = makeTarget('es_routed', ['tenant', 'id'], {
    tenant: { kind: 'text' },
    id: { kind: 'int8' },
    street: { kind: 'text' },
    town: { kind: 'text' },
    n: { kind: 'int4' },
  });
  const options = {
    settings: { number_of_shards: 3 },
    routing: 'tenant',
    nest: { address: { street: 'street', city: 'town' } },
  };
  const sinks: Sink[] = [];
  const open = (): Sink => {
    const sink = newSink({}, options);
    sinks.push(sink);
    return sink;
  };

  afterAll(async () => {
    await removeIndices([rows]);
    for (const sink of sinks) await sink.close();
  });

  let runs = 0;

  /** The document with the columns where a flat one has them. */
  const flat = ({ id, source }: StoredDocument): StoredDocument => {
    const { street, city } = (source['address'] ?? {}) as Record<string, unknown>;
    const nested = {
      ...(street === undefined ? {} : { street }),
      ...(city === undefined ? {} : { town: city }),
    };
    return { id, source: { ...source, ...nested } };
  };
  const expectStored = async (writes: readonly Write[], truncated: readonly number[]): Promise<void> => {
    const documents = await search(aliasNameOf(rows.name));
    const prefix = `t${runs}-`;
    const own = [...documents].filter(([id]) => id.startsWith(prefix));
    const stored = new Map(own.map(([id, document]) => [id, storedRow(rows, flat(document))]));
    expect(normalizedRows(rows, stored)).toEqual(expectedRows(rows, writes, truncated.map(positionAt)));
  };

  test('objects stand in the documents and are searched by their paths', async () => {
    const sink = open();
    await sink.prepare([rows]);
    await sink.write([
      upsert(rows, { tenant: 'acme', id: 1n, street: 'High Street', town: 'York', n: 1 }, 1),
      upsert(rows, { tenant: 'acme', id: 2n, n: 2 }, 1),
    ]);
    const found = await search(aliasNameOf(rows.name), { match: { 'address.city': 'york' } });
    expect([...found.keys()]).toEqual(['acme:1']);
    expect(found.get('acme:1')?.source['address']).toEqual({ street: 'High Street', city: 'York' });
    const [, second] = [
      ...(await search(aliasNameOf(rows.name), { ids: { values: ['acme:2'] } })).values(),
      null,
    ];
    expect(second).toBeNull();
    const one = await server.call('GET', `/${aliasNameOf(rows.name)}/_doc/acme:1?routing=acme`);
    expect(one).toMatchObject({ found: true, _routing: 'acme' });
  });

  test('any order, repetition and truncate ends with one document a key in one shard', async () => {
    const sink = open();
    await sink.prepare([rows]);
    const step = fc.record({
      tenant: fc.nat(2),
      id: fc.nat(1),
      what: fc.constantFrom('put', 'put', 'delete', 'truncate'),
    });
    const histories = fc.array(step, { minLength: 2, maxLength: 10 }).chain((history) =>
      fc.record({
        history: fc.constant(history),
        order: fc.shuffledSubarray(
          history.map((_, at) => at),
          { minLength: history.length },
        ),
      }),
    );
    await fc.assert(
      fc.asyncProperty(histories, async ({ history, order }) => {
        const run = ++runs;
        const writes: Write[] = [];
        const truncated: number[] = [];
        // Steps grow over all runs, for a truncate takes the rows of all runs before.
        const stepOf = (at: number): number => run * 20 + at;
        const deliver = async (at: number): Promise<void> => {
          const { tenant, id, what } = history[at] ?? { tenant: 0, id: 0, what: 'none' };
          const key = { tenant: `t${run}-${tenant}`, id: BigInt(id) };
          if (what === 'truncate') {
            truncated.push(stepOf(at));
            await sink.truncate(rows, positionAt(stepOf(at)));
            return;
          }
          const write =
            what === 'delete'
              ? remove(rows, key, stepOf(at))
              : upsert(
                  rows,
                  {
                    ...key,
                    street: at % 2 === 0 ? `s${at}` : null,
                    town: at % 3 === 0 ? 'c' : null,
                    n: at,
                  },
                  stepOf(at),
                );
          writes.push(write);
          await sink.write([write]);
        };
        for (const at of order) await deliver(at);
        // Of a key that the store never had, an older row may come behind a truncate: each partition brings it again.
        for (const at of order) if (history[at]?.what === 'truncate') await deliver(at);
        await expectStored(writes, truncated);
      }),
      { numRuns: 40 },
    );
    // A key in two shards would be two documents of one _id.
    const index = `${aliasNameOf(rows.name)}-1`;
    const documents = await search(index);
    const { count } = (await server.call('GET', `/${index}/_count`)) as { count: unknown };
    expect(JSON.stringify(count)).toBe(String(documents.size));
  });
});
