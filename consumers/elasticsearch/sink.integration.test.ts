import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { keyText } from '../../schemas/key-text.ts';
import { makePosition } from '../../schemas/position.ts';
import { sinkContract } from '../../test/sink-contract.ts';
import { makeTarget, remove, upsert } from '../../test/sink-contract-model.ts';
import { sinkOutage } from '../../test/sink-outage.ts';
import type { Sink, Target } from '../sink.ts';
import { sink as elasticsearch } from './index.ts';
import { aliasNameOf } from './names.ts';
import { harness, newSink, removeIndices, search, server } from './test-sink.ts';

sinkContract('elasticsearch', harness);

const address = new URL(server.url);
sinkOutage('elasticsearch', {
  ...harness,
  host: address.hostname,
  port: Number(address.port || 9200),
  create: (port) => newSink({ url: Object.assign(new URL(server.url), { host: `127.0.0.1:${port}` }).href }),
});

describe('elasticsearch', () => {
  const notes = makeTarget('notes', ['id'], {
    id: { kind: 'int8' },
    body: { kind: 'text' },
    born: { kind: 'date' },
    price: { kind: 'numeric' },
    json: { kind: 'json' },
  });
  const alias = aliasNameOf(notes.name);
  const targets: Target[] = [notes];
  let sink: Sink;

  beforeAll(async () => {
    sink = newSink();
    await sink.connect();
    await sink.prepare([notes]);
  });

  afterAll(async () => {
    await removeIndices(targets);
    await sink.close();
  });

  test('a row with the empty text as its key is rejected, and its delete is none to wait for', async () => {
    const codes = makeTarget('codes', ['code'], { code: { kind: 'text' } });
    targets.push(codes);
    await sink.prepare([codes]);
    expect(await sink.write([upsert(codes, { code: '' }, 1), upsert(codes, { code: 'a' }, 1)])).toMatchObject(
      [{ result: 'rejected' }, { result: 'applied' }],
    );
    expect(await sink.write([remove(codes, { code: '' }, 2), remove(codes, { code: 'a' }, 2)])).toEqual([
      { result: 'stale' },
      { result: 'applied' },
    ]);
  });

  test('a wrong password stops the sink', async () => {
    const url = new URL(server.url);
    expect(url.password, 'ELASTICSEARCH_URL must hold credentials').not.toBe('');
    url.password = 'wrong';
    const error = await newSink({ url: url.href })
      .connect()
      .catch((thrown: unknown) => thrown);
    expect(elasticsearch.classify(error)).toMatchObject({ outcome: 'stop', code: 'SINK_AUTH_FAILED' });
  });

  test('a server that does not listen is retried', async () => {
    const error = await newSink({ url: 'http://127.0.0.1:1' })
      .connect()
      .catch((thrown: unknown) => thrown);
    expect(elasticsearch.classify(error)).toMatchObject({
      outcome: 'retry',
      code: 'SINK_UNREACHABLE',
      sentence: expect.stringContaining('ECONNREFUSED 127.0.0.1:1') as string,
    });
  });

  test('a connection that fails by TLS tells why', async () => {
    // The server speaks plain HTTP.
    const error = await newSink({ url: server.url.replace('http:', 'https:') })
      .connect()
      .catch((thrown: unknown) => thrown);
    const { sentence } = elasticsearch.classify(error);
    expect(sentence).toContain('SSL routines');
    expect(sentence).not.toContain(new URL(server.url).password);
  });

  test('the alias hides tombstones from counts and searches, the index keeps them', async () => {
    const rows = [1n, 2n, 3n].map((id) => upsert(notes, { id, body: 'hidden words' }, 1));
    await sink.write(rows);
    await sink.write([remove(notes, { id: 2n }, 2)]);
    expect([...(await search(alias, { match: { body: 'hidden' } })).keys()].toSorted()).toEqual(['1', '3']);
    const all = await search(`${alias}-1`);
    expect(all.get('2')?.source).toMatchObject({ __deleted: true });
    expect(all.get('2')?.source).not.toHaveProperty('body');
  });

  test('values are searchable by range and by exact text', async () => {
    const row = {
      id: 10n,
      body: 'Exact Words',
      born: '1999-05-06',
      price: '12345678901234567890.123456789',
    };
    await sink.write([upsert(notes, row, 1)]);
    for (const query of [
      { range: { born: { gte: '1999-05-01', lt: '1999-06-01' } } },
      { range: { price: { gt: 12345678901234000000, lt: 12345678901235000000 } } },
      { term: { 'body.keyword': 'Exact Words' } },
      { match: { body: 'exact' } },
    ])
      expect([...(await search(alias, query)).keys()]).toEqual(['10']);
  });

  test('a value that Elasticsearch refuses is rejected alone and not quoted', async () => {
    const secret = 'not-json-42';
    const typed = makeTarget('typed', ['id'], { id: { kind: 'int4' }, n: { kind: 'jsonb' } });
    targets.push(typed);
    await sink.prepare([typed]);
    const writes = [
      upsert(typed, { id: 1, n: '1' }, 1),
      // A transform can put any text into a column of jsonb.
      upsert(typed, { id: 2, n: secret }, 1),
      upsert(typed, { id: 3, n: '3' }, 1),
    ];
    const outcomes = await sink.write(writes);
    expect(outcomes.map(({ result }) => result)).toEqual(['applied', 'rejected', 'applied']);
    const [, refused] = outcomes;
    const error = refused?.result === 'rejected' ? refused.error : new Error('none');
    expect(JSON.stringify([error, error.message, error.stack])).not.toContain(secret);
    expect(elasticsearch.classify(error)).toMatchObject({ outcome: 'park', code: 'SINK_EVENT_REJECTED' });
  });

  test('a key that is no _id is rejected alone', async () => {
    const texts = makeTarget('long_ids', ['id'], { id: { kind: 'text' } });
    targets.push(texts);
    await sink.prepare([texts]);
    const outcomes = await sink.write(
      ['x'.repeat(513), '', 'ü'.repeat(256)].map((id) => upsert(texts, { id }, 1)),
    );
    expect(outcomes.map(({ result }) => result)).toEqual(['rejected', 'rejected', 'applied']);
  });

  test('positions that differ by one ordinal are told apart beyond 2^53', async () => {
    const late = (ordinal: number, body: string) => ({
      ...upsert(notes, { id: 20n, body }, 1),
      position: makePosition((1n << 50n) - 48n, ordinal),
    });
    expect(await sink.write([late(2, 'newer')])).toEqual([{ result: 'applied' }]);
    expect(await sink.write([late(1, 'older')])).toEqual([{ result: 'stale' }]);
    expect(await sink.write([late(3, 'newest')])).toEqual([{ result: 'applied' }]);
    expect((await search(alias)).get('20')?.source['body']).toBe('newest');
  });

  test('a batch larger than one request is written whole', async () => {
    const rows = Array.from({ length: 12 }, (_, index) =>
      upsert(notes, { id: BigInt(100 + index), body: 'x'.repeat(1_000_000), json: '{"a":1}' }, 1),
    );
    expect(await sink.write(rows)).toEqual(rows.map(() => ({ result: 'applied' })));
    const stored = await search(alias);
    for (const row of rows) expect(stored.has(keyText(['id'], row.key))).toBe(true);
  });

  test('a document larger than a request may be is rejected alone', async () => {
    const large = 'x'.repeat(101 * 1024 * 1024);
    const outcomes = await sink.write([
      upsert(notes, { id: 200n, body: 'before' }, 1),
      upsert(notes, { id: 201n, body: large }, 1),
      upsert(notes, { id: 202n, body: 'after' }, 1),
    ]);
    expect(outcomes.map(({ result }) => result)).toEqual(['applied', 'rejected', 'applied']);
  });

  test('a json text longer than an index term is held', async () => {
    const json = JSON.stringify({ a: 'y'.repeat(100_000) });
    expect(await sink.write([upsert(notes, { id: 30n, json }, 1)])).toEqual([{ result: 'applied' }]);
    expect((await search(alias)).get('30')?.source['json']).toBe(json);
  });

  test('two tables whose names become one are refused', async () => {
    const one = makeTarget('Same Name', ['id'], { id: { kind: 'int4' } });
    const other = { ...one, name: one.name.replace('Same Name', 'same name') };
    targets.push(one);
    await sink.prepare([one]);
    const error = await sink.prepare([other]).catch((thrown: unknown) => thrown);
    expect(elasticsearch.classify(error)).toMatchObject({ outcome: 'stop', code: 'TABLE_NAMES_COLLIDE' });
  });

  test('an index that somebody else made is left alone', async () => {
    const theirs = makeTarget('theirs', ['id'], { id: { kind: 'int4' } });
    targets.push(theirs);
    await server.call('PUT', `/${aliasNameOf(theirs.name)}-1`, {});
    const error = await sink.prepare([theirs]).catch((thrown: unknown) => thrown);
    expect(elasticsearch.classify(error)).toMatchObject({ outcome: 'stop', code: 'SINK_SCHEMA_CONFLICT' });
  });

  test('a write to an alias that is gone stops and makes no index', async () => {
    const lost = makeTarget('lost', ['id'], { id: { kind: 'int4' } });
    await sink.prepare([lost]);
    await removeIndices([lost]);
    const error = await sink.write([upsert(lost, { id: 1 }, 1)]).catch((thrown: unknown) => thrown);
    expect(elasticsearch.classify(error)).toMatchObject({ outcome: 'stop', code: 'SINK_SCHEMA_CONFLICT' });
    expect(await server.call('GET', `/${aliasNameOf(lost.name)}/_mapping`)).toHaveProperty('error');
  });

  test('an index that blocks writes is retried', async () => {
    const blocked = makeTarget('blocked', ['id'], { id: { kind: 'int4' } });
    targets.push(blocked);
    await sink.prepare([blocked]);
    const block = (on: boolean): Promise<unknown> =>
      server.call('PUT', `/${aliasNameOf(blocked.name)}-1/_settings`, { 'index.blocks.write': on });
    await block(true);
    const error = await sink.write([upsert(blocked, { id: 1 }, 1)]).catch((thrown: unknown) => thrown);
    expect(elasticsearch.classify(error)).toMatchObject({ outcome: 'retry' });
    await block(false);
    expect(await sink.write([upsert(blocked, { id: 1 }, 1)])).toEqual([{ result: 'applied' }]);
  });
});
