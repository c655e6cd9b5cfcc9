import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { makeTarget, remove, upsert } from '../../test/sink-contract-model.ts';
import { patientStore } from '../../test/patient-store.ts';
import { sinkContract } from '../../test/sink-contract.ts';
import { sinkOutage } from '../../test/sink-outage.ts';
import type { Sink, Target } from '../sink.ts';
import { classify } from './errors.ts';
import { sink as neo4j } from './index.ts';
import { labelOf } from './names.ts';
import { closeReader, createSink, harness, query, url } from './test-graph.ts';

afterAll(closeReader);

sinkContract('neo4j', harness);

const address = new URL(url);
sinkOutage('neo4j', {
  ...harness,
  host: address.hostname,
  port: Number(address.port || 7687),
  // Not neo4j://, whose routing would lead past the broken network to the server itself.
  create: (port, login) =>
    createSink({ url: `bolt://${address.username}:${address.password}@127.0.0.1:${port}`, ...login }),
  async makeLogin() {
    const login = { username: `tailrace_${process.pid}`, password: 'short-lived' };
    await query(`CREATE USER ${login.username} SET PASSWORD $password CHANGE NOT REQUIRED`, login);
    const remove = async (): Promise<void> => void (await query(`DROP USER ${login.username}`));
    return { login, remove };
  },
});

describe('neo4j in particular', () => {
  async function open(...targets: Target[]): Promise<Sink> {
    const opened = await harness.open();
    onTestFinished(async () => {
      await harness.remove(targets);
      await opened.close();
    });
    return opened.sink;
  }

  const simple = (label: string): Target =>
    makeTarget(label, ['id'], { id: { kind: 'int4' }, name: { kind: 'text' } });

  test('a row with NaN as its key is rejected, and its delete is none to wait for', async () => {
    const floats = makeTarget('floats', ['id'], { id: { kind: 'float8' } });
    const sink = await open(floats);
    await sink.prepare([floats]);
    expect(await sink.write([upsert(floats, { id: Number.NaN }, 1)])).toMatchObject([{ result: 'rejected' }]);
    expect(await sink.write([remove(floats, { id: Number.NaN }, 2)])).toEqual([{ result: 'stale' }]);
  });

  test('keys of a type with insignificant blanks are joined where their texts are equal', async () => {
    const key = { kind: 'text', type: 'bpchar' } as const;
    const customers = makeTarget('blankcustomers', ['code'], { code: key });
    const orders: Target = makeTarget('blankorders', ['id'], { id: { kind: 'int4' }, customer: key });
    const foreignKeys = [
      {
        name: 'of_customer',
        columns: ['customer'],
        referencedSchema: customers.table.schema,
        referencedTable: customers.table.name,
        referencedColumns: ['code'],
      },
    ];
    const referring: Target = { ...orders, table: { ...orders.table, foreignKeys } };
    const sink = await open(customers, referring);
    await sink.prepare([customers, referring]);
    const joined = async () =>
      (
        await query(
          `MATCH (o:${labelOf(referring.name)}) RETURN o.id AS id, [(o)-->(c:${labelOf(customers.name)}) | c.code] AS codes,
                  COUNT { MATCH (p:__Placeholder:${labelOf(customers.name)}) } AS placeholders ORDER BY id`,
        )
      ).map(({ codes, placeholders }) => [codes, Number(placeholders)]);
    await sink.write([upsert(referring, { id: 1, customer: 'ALFKI' }, 1)]);
    expect(await joined()).toEqual([[[], 0]]);
    await sink.write([
      upsert(customers, { code: 'ALFKI' }, 2),
      upsert(referring, { id: 2, customer: 'ALFKI' }, 3),
      upsert(referring, { id: 3, customer: 'ALFKI  ' }, 4),
    ]);
    expect(await joined()).toEqual([
      [['ALFKI'], 0],
      [['ALFKI'], 0],
      [[], 0],
    ]);
    await sink.write([remove(customers, { code: 'ALFKI' }, 5)]);
    expect(await joined()).toEqual([
      [[], 0],
      [[], 0],
      [[], 0],
    ]);
  });

  const verdictOf = async (call: Promise<unknown>): Promise<unknown> =>
    call.then(
      () => 'no error',
      (error: unknown) => classify(error),
    );

  test('integers stay integers and a null column leaves the node', async () => {
    const target = simple('forms');
    const sink = await open(target);
    await sink.prepare([target]);
    await sink.write([upsert(target, { id: 1, name: 'x' }, 1)]);
    await sink.write([upsert(target, { id: 1, name: null }, 2)]);
    expect(
      await query(`MATCH (n:${labelOf(target.name)}) RETURN valueType(n.id) AS type, keys(n) AS keys`),
    ).toEqual([{ type: 'INTEGER NOT NULL', keys: expect.arrayContaining(['id', '__pos']) }]);
  });

  test('a column may be named with an escape that Cypher would read as a backtick', async () => {
    const target = makeTarget('escape', ['i\\u0060d'], {
      'i\\u0060d': { kind: 'int4' },
      'back\\slash': { kind: 'text' },
    });
    const sink = await open(target);
    await sink.prepare([target]);
    const row = upsert(target, { 'i\\u0060d': 1, 'back\\slash': 'x' }, 1);
    expect(await sink.write([row])).toEqual([{ result: 'applied' }]);
    expect(await harness.read(target)).toEqual(new Map([['1', { 'i\\u0060d': '1', 'back\\slash': 'x' }]]));
  });

  test('a row that the server refuses is rejected alone, without its values', async () => {
    const target = makeTarget('long_key', ['id'], { id: { kind: 'text' } });
    const sink = await open(target);
    await sink.prepare([target]);
    const rows = ['a', 'b', 'secret value '.repeat(4000), 'c'].map((id) => upsert(target, { id }, 1));
    const outcomes = await sink.write(rows);
    expect(outcomes.map(({ result }) => result)).toEqual(['applied', 'applied', 'rejected', 'applied']);
    expect(JSON.stringify(outcomes, Object.getOwnPropertyNames(new Error('')))).not.toContain('secret value');
    expect([...(await harness.read(target)).keys()].toSorted()).toEqual(['a', 'b', 'c']);
  });

  test('a row that breaks a constraint of the user is rejected alone', async () => {
    const target = simple('own_constraint');
    const sink = await open(target);
    await sink.prepare([target]);
    await query(`CREATE CONSTRAINT FOR (n:${labelOf(target.name)}) REQUIRE n.name IS UNIQUE`);
    const rows = ['x', 'y', 'x'].map((name, index) => upsert(target, { id: index, name }, 1));
    const outcomes = await sink.write(rows);
    expect(outcomes.map(({ result }) => result).toSorted()).toEqual(['applied', 'applied', 'rejected']);
    expect((await harness.read(target)).size).toBe(2);
  });

  test('a row that comes back takes its tombstone away', async () => {
    const target = simple('tombstones');
    const sink = await open(target);
    await sink.prepare([target]);
    const tombstones = (): Promise<unknown[]> =>
      query('MATCH (t:__Tombstone {id: $id}) RETURN t.pos AS pos', { id: `${target.name}:1` });
    const gone = remove(target, { id: 1 }, 1);
    await sink.write([gone]);
    expect(await tombstones()).toEqual([{ pos: gone.position }]);
    await sink.write([upsert(target, { id: 1, name: 'x' }, 2)]);
    expect(await tombstones()).toEqual([]);
  });

  test('two writers at once never let an older upsert pass a delete', async () => {
    const target = simple('two_writers');
    const one = await open(target);
    const two = await open();
    await one.prepare([target]);
    await two.prepare([target]);
    const ids = Array.from({ length: 40 }, (_, index) => index);
    for (let round = 0; round < 25; round++) {
      const keys = ids.map((id) => round * 100 + id);
      const upserts = keys.map((id) => upsert(target, { id, name: 'older' }, 5));
      const deletes = keys.map((id) => remove(target, { id }, 7));
      // In opposite order, so that writers that lock row by row would block each other.
      await Promise.all([one.write(upserts), two.write(deletes.toReversed())]);
    }
    expect(await harness.read(target)).toEqual(new Map());
  });

  test('two sinks prepare new targets at once', async () => {
    const targets = ['one', 'two', 'three'].map((label) => simple(`race_${label}`));
    const sinks = [await open(...targets), await open(), await open()];
    // Two that make a constraint of one label can wait for each other: the server ends one of them, which is tried again.
    await Promise.all(sinks.map((sink) => patientStore(sink, neo4j).prepare(targets)));
    const constraints = await query(
      'SHOW CONSTRAINTS YIELD labelsOrTypes WHERE labelsOrTypes[0] IN $labels RETURN count(*) AS count',
      { labels: targets.map(({ name }) => labelOf(name)) },
    );
    expect(constraints).toEqual([{ count: 3n }]);
  });

  test('a label with nodes of another program is a conflict, and they stay as they are', async () => {
    const target = simple('foreign');
    const sink = await open(target);
    await query(`CREATE (n:${labelOf(target.name)} {id: 1})`);
    expect(await verdictOf(sink.prepare([target]))).toMatchObject({
      outcome: 'stop',
      code: 'SINK_SCHEMA_CONFLICT',
    });
    expect(await query(`MATCH (n:${labelOf(target.name)}) RETURN properties(n) AS row`)).toEqual([
      { row: { id: 1n } },
    ]);
  });

  test('an index in the way of the constraint is a conflict', async () => {
    const target = simple('indexed');
    const sink = await open(target);
    const name = `${target.name}_index`;
    await query(`CREATE INDEX ${name} FOR (n:${labelOf(target.name)}) ON (n.id)`);
    onTestFinished(async () => {
      await query(`DROP INDEX ${name}`);
    });
    expect(await verdictOf(sink.prepare([target]))).toMatchObject({
      outcome: 'stop',
      code: 'SINK_SCHEMA_CONFLICT',
    });
  });

  test('a key that changed since the rows were stored is a conflict', async () => {
    const target = simple('rekeyed');
    const sink = await open(target);
    await sink.prepare([target]);
    const rekeyed = { ...target, table: { ...target.table, key: ['name'] } };
    const later = await open();
    expect(await verdictOf(later.prepare([rekeyed]))).toMatchObject({
      outcome: 'stop',
      code: 'SINK_SCHEMA_CONFLICT',
      sentence: expect.stringMatching(/by id.*by name/),
    });
  });

  test('a wrong password stops the sink', async () => {
    const sink = createSink({ password: 'wrong' });
    onTestFinished(() => sink.close());
    expect(await verdictOf(sink.connect())).toMatchObject({ outcome: 'stop', code: 'SINK_AUTH_FAILED' });
  });

  test('a database that the server does not have stops the sink', async () => {
    const sink = createSink({ database: 'nosuch' });
    onTestFinished(() => sink.close());
    expect(await verdictOf(sink.connect())).toMatchObject({ outcome: 'stop', code: 'SINK_FAILED' });
  });
});
