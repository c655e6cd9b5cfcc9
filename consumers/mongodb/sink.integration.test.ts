import { Binary, Decimal128, Double, Int32, Long, type Document } from 'mongodb';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { makeTarget, positionAt, remove, upsert } from '../../test/sink-contract-model.ts';
import { sinkContract } from '../../test/sink-contract.ts';
import { sinkOutage } from '../../test/sink-outage.ts';
import type { Row } from '../../schemas/value.ts';
import type { Sink, Target, Write } from '../sink.ts';
import { sink as mongodb } from './index.ts';
import { closeReader, createSink, db, harness, url } from './test-sink.ts';

const address = new URL(url);
afterAll(closeReader);

sinkContract('mongodb', harness);

sinkOutage('mongodb', {
  ...harness,
  host: address.hostname,
  port: Number(address.port || 27017),
  create(port) {
    const through = Object.assign(new URL(url), { host: `127.0.0.1:${port}` });
    // Else the driver goes on at the address that the replica set tells of itself.
    through.searchParams.set('directConnection', 'true');
    return createSink({ url: through.href });
  },
});

describe('mongodb in particular', () => {
  async function prepared(target: Target): Promise<Sink> {
    const opened = await harness.open();
    onTestFinished(async () => {
      await harness.remove([target]);
      await opened.close();
    });
    await opened.sink.prepare([target]);
    return opened.sink;
  }

  const named = (label: string): Target =>
    makeTarget(label, ['id'], { id: { kind: 'int4' }, name: { kind: 'text' } });

  test('a row without a key is rejected, and its delete is none to wait for', async () => {
    const target = named('keyless');
    const sink = await prepared(target);
    const none = { id: null };
    expect(await sink.write([upsert(target, { ...none, name: 'x' }, 1)])).toMatchObject([
      { result: 'rejected' },
    ]);
    expect(await sink.write([remove(target, none, 2)])).toEqual([{ result: 'stale' }]);
  });

  test('a document has the key as _id, the columns beside it, and typed values', async () => {
    const target = makeTarget('document', ['b', 'a'], {
      a: { kind: 'text' },
      b: { kind: 'int8' },
      amount: { kind: 'numeric' },
      at: { kind: 'timestamptz', precision: 3 },
      bytes: { kind: 'bytea' },
      real: { kind: 'float8' },
      doc: { kind: 'jsonb' },
      none: { kind: 'text' },
    });
    const sink = await prepared(target);
    const values: Row = {
      a: 'x',
      b: 5n,
      amount: '12.50',
      at: '2024-02-29T12:00:00.5Z',
      bytes: Uint8Array.from([1]),
      real: 1,
      doc: '{"n": 1, "big": 3000000000, "f": 1.5}',
    };
    const write = upsert(target, values, 1);
    await sink.write([write]);
    const document = await db.collection(target.name).findOne({}, { promoteValues: false });
    expect(Object.keys(Object(document?.['_id']))).toEqual(['b', 'a']);
    expect(document).toEqual({
      _id: { b: Long.fromNumber(5), a: 'x' },
      __pos: write.position,
      a: 'x',
      b: Long.fromNumber(5),
      amount: Decimal128.fromString('12.50'),
      at: new Date('2024-02-29T12:00:00.500Z'),
      bytes: new Binary(Uint8Array.from([1])),
      real: new Double(1),
      doc: { n: new Int32(1), big: Long.fromNumber(3e9), f: new Double(1.5) },
      none: null,
    });
  });

  test('a row above 16 MB is rejected alone', async () => {
    const target = named('large');
    const sink = await prepared(target);
    const outcomes = await sink.write([
      upsert(target, { id: 1, name: 'x'.repeat(16 * 1024 * 1024) }, 1),
      upsert(target, { id: 2, name: 'small' }, 1),
    ]);
    expect(outcomes.map(({ result }) => result)).toEqual(['rejected', 'applied']);
  });

  test('a row just below 16 MB is stored, or rejected alone', async () => {
    const target = named('nearly_large');
    const sink = await prepared(target);
    const spares = [70, 100, 200, 1_500];
    const writes = (step: number): Write[] =>
      spares.map((spare, id) => upsert(target, { id, name: 'x'.repeat(16 * 1024 * 1024 - spare) }, step));
    for (const step of [1, 2]) {
      const outcomes = await sink.write(writes(step));
      expect(outcomes.at(-1)).toEqual({ result: 'applied' });
    }
  });

  test('a stale row is stale, whatever words its key holds', async () => {
    const target = makeTarget('worded_key', ['id'], { id: { kind: 'text' } });
    const sink = await prepared(target);
    const write = (step: number): Write => upsert(target, { id: 'index: by_name dup key: ' }, step);
    await sink.write([write(2)]);
    expect(await sink.write([write(1)])).toEqual([{ result: 'stale' }]);
  });

  test('a document of another program is rejected alone and stays as it was', async () => {
    const target = named('foreign');
    const sink = await prepared(target);
    await db.collection<Document>(target.name).insertOne({ _id: 1, mine: true } as Document);
    const outcomes = await sink.write([1, 2].map((id) => upsert(target, { id, name: 'x' }, 1)));
    expect(outcomes.map(({ result }) => result)).toEqual(['rejected', 'applied']);
    expect(await db.collection<Document>(target.name).findOne({ mine: true })).toEqual({
      _id: 1,
      mine: true,
    });
  });

  test("a row that a user's unique index refuses is rejected alone, without its values", async () => {
    const target = named('unique');
    const sink = await prepared(target);
    await db.collection(target.name).createIndex({ name: 1 }, { unique: true });
    const outcomes = await sink.write([
      upsert(target, { id: 1, name: 'secret' }, 1),
      upsert(target, { id: 2, name: 'secret' }, 1),
      upsert(target, { id: 3, name: 'other' }, 1),
    ]);
    expect(outcomes.map(({ result }) => result).toSorted()).toEqual(['applied', 'applied', 'rejected']);
    for (const outcome of outcomes)
      if (outcome.result === 'rejected') expect(String(outcome.error)).not.toContain('secret');
  });

  test('a delete leaves one tombstone beside the rows', async () => {
    const target = named('tombstone');
    const sink = await prepared(target);
    await sink.write([upsert(target, { id: 1, name: 'x' }, 1)]);
    const gone = remove(target, { id: 1 }, 2);
    await sink.write([gone]);
    expect(await db.collection(target.name).countDocuments({})).toBe(0);
    expect(await db.collection<{ _id: string }>('__tombstones').findOne({ _id: `${target.name}:1` })).toEqual(
      {
        _id: `${target.name}:1`,
        __pos: gone.position,
      },
    );
  });

  test('a truncate leaves one tombstone for the whole table, and is done only once', async () => {
    const target = named('truncated');
    const sink = await prepared(target);
    await sink.write([1, 2].map((id) => upsert(target, { id, name: 'x' }, 1)));
    await sink.truncate(target, positionAt(2));
    const tombstones = db.collection<{ _id: string }>('__tombstones').find({ _id: new RegExp(target.name) });
    expect(await tombstones.toArray()).toEqual([
      { _id: target.name, __pos: positionAt(2), done: positionAt(2) },
    ]);
    expect(await sink.write([upsert(target, { id: 3, name: 'never stored' }, 1)])).toEqual([
      { result: 'stale' },
    ]);
    // A row that only another program can have made shows whether the rows were looked at again.
    await db.collection<Document>(target.name).insertOne({ _id: 4, __pos: positionAt(1) } as Document);
    for (const step of [2, 1]) await sink.truncate(target, positionAt(step));
    expect(await db.collection(target.name).countDocuments({})).toBe(1);
    await sink.truncate(target, positionAt(3));
    expect(await db.collection(target.name).countDocuments({})).toBe(0);
  });

  test("a truncate leaves another program's document", async () => {
    const target = named('truncated_foreign');
    const sink = await prepared(target);
    await db.collection<Document>(target.name).insertOne({ _id: 1, mine: true } as Document);
    await sink.truncate(target, positionAt(2));
    expect(await db.collection(target.name).countDocuments({})).toBe(1);
  });

  test('a wrong password stops the sink', async () => {
    const sink = createSink({ username: 'nobody', password: 'wrong' });
    onTestFinished(() => sink.close());
    const error: unknown = await sink.connect().catch((thrown: unknown) => thrown);
    expect(mongodb.classify(error)).toMatchObject({ outcome: 'stop', code: 'SINK_AUTH_FAILED' });
  });

  test('1.0 and 1.00 are one key, as in Postgres', async () => {
    const target = makeTarget('numeric_key', ['id'], { id: { kind: 'numeric' }, n: { kind: 'int4' } });
    const sink = await prepared(target);
    await sink.write([upsert(target, { id: '1.0', n: 1 }, 1)]);
    await sink.write([upsert(target, { id: '1.00', n: 2 }, 2)]);
    expect(await sink.write([upsert(target, { id: '1.0', n: 1 }, 1)])).toEqual([{ result: 'stale' }]);
    expect(await db.collection(target.name).countDocuments({})).toBe(1);
  });
});
