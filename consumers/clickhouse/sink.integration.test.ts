import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makePosition } from '../../schemas/position.ts';
import type { Value } from '../../schemas/value.ts';
import { sinkContract } from '../../test/sink-contract.ts';
import {
  expectedRows,
  makeTarget,
  normalizedRows,
  positionAt,
  remove,
  upsert,
} from '../../test/sink-contract-model.ts';
import { sinkOutage } from '../../test/sink-outage.ts';
import type { Sink } from '../sink.ts';
import { sink as clickhouse } from './index.ts';
import { viewOf } from './table-layout.ts';
import { harness, newSink, readLive, server, typesOf, verdictOf } from './test-sink.ts';

beforeAll(() => server.run(`CREATE DATABASE ${server.database} ENGINE = Atomic`));
afterAll(() => server.run(`DROP DATABASE ${server.database}`));

sinkContract('clickhouse', harness);

const address = new URL(server.url);
sinkOutage('clickhouse', {
  ...harness,
  host: address.hostname,
  port: Number(address.port || 8123),
  create: (port) => newSink({ url: Object.assign(new URL(server.url), { host: `127.0.0.1:${port}` }).href }),
});

describe('clickhouse', () => {
  const notes = makeTarget('notes', ['id'], {
    id: { kind: 'int8' },
    body: { kind: 'text' },
    seen: { kind: 'timestamp' },
    price: { kind: 'numeric', precision: 10, scale: 2 },
  });
  let sink: Sink;

  beforeAll(async () => {
    sink = newSink();
    await sink.prepare([notes]);
  });

  afterAll(() => sink.close());

  test('a wrong password stops the sink', async () => {
    const wrong = newSink({ username: 'nobody', password: 'wrong' });
    expect(await verdictOf(wrong.connect())).toMatchObject({ outcome: 'stop', code: 'SINK_AUTH_FAILED' });
    await wrong.close();
  });

  test('a database that is not there stops the sink', async () => {
    const lost = newSink({ database: 'tailrace_no_such_database' });
    expect(await verdictOf(lost.connect())).toMatchObject({ outcome: 'stop', code: 'SINK_SCHEMA_CONFLICT' });
    await lost.close();
  });

  test('a server that does not listen is retried', async () => {
    const away = newSink({ url: 'http://127.0.0.1:1' });
    expect(await verdictOf(away.connect())).toMatchObject({ outcome: 'retry', code: 'SINK_UNREACHABLE' });
    await away.close();
  });

  test('the view shows the columns of the source alone, the table keeps the tombstones', async () => {
    await sink.write([upsert(notes, { id: 1n, body: 'a' }, 1), upsert(notes, { id: 2n, body: 'b' }, 1)]);
    await sink.write([remove(notes, { id: 1n }, 2)]);
    const live = await server.rows(`SELECT * FROM ${viewOf(notes.name)} WHERE id < 10`);
    expect(live).toEqual([{ id: '2', body: 'b', seen: null, price: null }]);
    const kept = await server.rows(`SELECT body, __deleted FROM ${notes.name} WHERE id = 1 ORDER BY __pos`);
    expect(kept).toEqual([
      { body: 'a', __deleted: 0 },
      { body: null, __deleted: 1 },
    ]);
  });

  test('a merge keeps the version guard: an older upsert after it stays deleted', async () => {
    await sink.write([upsert(notes, { id: 20n, body: 'first' }, 1)]);
    await sink.write([remove(notes, { id: 20n }, 5)]);
    await server.run(`OPTIMIZE TABLE ${notes.name} FINAL`);
    await sink.write([upsert(notes, { id: 20n, body: 'older' }, 4)]);
    await server.run(`OPTIMIZE TABLE ${notes.name} FINAL`);
    expect((await readLive(notes)).has('20')).toBe(false);
    await sink.write([upsert(notes, { id: 20n, body: 'newer' }, 6)]);
    expect((await readLive(notes)).get('20')).toMatchObject({ body: 'newer' });
  });

  test('the version is the position as a number of 128 bits', async () => {
    const position = makePosition(0xffff_ffff_ffff_fff8n, 3);
    await sink.write([{ ...upsert(notes, { id: 30n }, 1), position }]);
    const [row] = await server.rows(`SELECT lower(hex(__pos)) AS pos FROM ${notes.name} WHERE id = 30`);
    expect(row).toEqual({ pos: position });
  });

  test('the zone of server and session changes no time', async () => {
    await sink.write([upsert(notes, { id: 40n, seen: '2024-02-29T23:30:00.123456' }, 1)]);
    const [row] = await server.rows(
      `SELECT toString(seen) AS text FROM ${viewOf(notes.name)} WHERE id = 40 SETTINGS session_timezone = 'Asia/Tokyo'`,
    );
    expect(row).toEqual({ text: '2024-02-29 23:30:00.123456' });
  });

  test('a row whose key does not fit is rejected, and its delete is none to wait for', async () => {
    const table = makeTarget('timed', ['at'], { at: { kind: 'timestamp' }, note: { kind: 'text' } });
    await sink.prepare([table]);
    const [never, fits] = [{ at: '-infinity' }, { at: '2024-02-29T12:00:00' }];
    expect(
      await sink.write([upsert(table, { ...never, note: 'x' }, 1), upsert(table, { ...fits, note: 'x' }, 1)]),
    ).toMatchObject([{ result: 'rejected' }, { result: 'applied' }]);
    expect(await sink.write([remove(table, never, 2), remove(table, fits, 2)])).toEqual([
      { result: 'stale' },
      { result: 'applied' },
    ]);
    expect([...(await readLive(table))]).toEqual([]);
  });

  test.each<[string, 'seen' | 'price', Value]>([
    ['a NaN in a decimal', 'price', 'NaN'],
    ['a decimal with more digits than its type', 'price', '1.005'],
    ['a time before 1900', 'seen', '1899-12-31T23:59:59'],
    ['a time after 2299', 'seen', '9999-12-31T00:00:00'],
    ['an infinite time', 'seen', 'infinity'],
    ['a time BC', 'seen', '0044-03-15T12:00:00 BC'],
  ])('%s makes its column a String, and rows before and after stay exact', async (what, column, value) => {
    const table = makeTarget(`wide ${what}`, ['id'], {
      id: { kind: 'int8' },
      seen: { kind: 'timestamp' },
      price: { kind: 'numeric', precision: 10, scale: 2 },
    });
    const other = newSink();
    const ordinary = { seen: '2024-02-29T12:00:00.5', price: '1.50' };
    await sink.prepare([table]);
    await other.prepare([table]);
    const before = upsert(table, { id: 1n, ...ordinary }, 1);
    const wide = upsert(table, { id: 2n, ...ordinary, [column]: value }, 1);
    // The other sink still believes in the old type.
    const after = upsert(table, { id: 3n, ...ordinary }, 1);
    expect(await sink.write([before])).toEqual([{ result: 'applied' }]);
    expect(await sink.write([wide])).toEqual([{ result: 'applied' }]);
    expect(await other.write([after])).toEqual([{ result: 'applied' }]);
    await other.close();
    expect(normalizedRows(table, await readLive(table))).toEqual(expectedRows(table, [before, wide, after]));
    const types = await typesOf(viewOf(table.name));
    expect(types).toMatchObject({ [column]: 'Nullable(String)' });
    await sink.prepare([table]);
    expect(await typesOf(viewOf(table.name))).toEqual(types);
  });

  test('an infinite date in the key is rejected, and held where the operator keeps the column as text', async () => {
    const dated = makeTarget('dated', ['id'], { id: { kind: 'date' }, at: { kind: 'timestamptz' } });
    await sink.prepare([dated]);
    const rows = [upsert(dated, { id: 'infinity' }, 1), upsert(dated, { id: '2024-02-29' }, 1)];
    expect((await sink.write(rows)).map(({ result }) => result)).toEqual(['rejected', 'applied']);
    const asText = newSink({}, { columnTypes: { id: 'String', at: 'String' } });
    expect(await verdictOf(asText.prepare([dated]))).toMatchObject({ code: 'SINK_SCHEMA_CONFLICT' });
    // The way on that the errors name.
    await server.run(`RENAME TABLE ${dated.name} TO ${dated.name}_before`);
    await asText.prepare([dated]);
    const all = [...rows, upsert(dated, { id: '-infinity', at: '2024-02-29T12:00:00.123456Z' }, 1)];
    expect(await asText.write(all)).toEqual(all.map(() => ({ result: 'applied' })));
    await asText.close();
    expect(normalizedRows(dated, await readLive(dated))).toEqual(expectedRows(dated, all));
  });

  test('rows that the server refuses are rejected alone and not quoted', async () => {
    const guarded = makeTarget('guarded', ['id'], { id: { kind: 'int4' }, body: { kind: 'text' } });
    await sink.prepare([guarded]);
    await server.run(
      `ALTER TABLE ${guarded.name} ADD CONSTRAINT short CHECK body IS NULL OR length(body) < 5`,
    );
    const secret = 'a secret text';
    const writes = Array.from({ length: 9 }, (_, id) =>
      upsert(guarded, { id, body: id === 3 || id === 7 ? secret : 'ok' }, 1),
    );
    const outcomes = await sink.write(writes);
    const refused = outcomes.flatMap((outcome, id) =>
      outcome.result === 'rejected' ? [{ id, outcome }] : [],
    );
    expect(refused.map(({ id }) => id)).toEqual([3, 7]);
    for (const { outcome } of refused) {
      expect([outcome.error.message, outcome.error.stack].join()).not.toContain(secret);
      expect(clickhouse.classify(outcome.error)).toMatchObject({ outcome: 'park' });
    }
    expect([...(await readLive(guarded)).keys()].toSorted()).toEqual(['0', '1', '2', '4', '5', '6', '8']);
  });

  test('where the server refuses many rows, it is not asked about each of them', async () => {
    const shut = makeTarget('shut', ['id'], { id: { kind: 'int4' }, body: { kind: 'text' } });
    await sink.prepare([shut]);
    await server.run(`ALTER TABLE ${shut.name} ADD CONSTRAINT shut CHECK body IS NULL`);
    const writes = Array.from({ length: 3000 }, (_, id) =>
      upsert(shut, { id, body: id % 100 === 0 ? null : 'x' }, id),
    );
    const error: unknown = await sink.write(writes).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'SINK_EVENT_REJECTED',
      message: expect.stringContaining(`at position ${positionAt(1)}`) as string,
    });
    expect(clickhouse.classify(error)).toMatchObject({ outcome: 'park' });
    expect([...(await readLive(shut)).keys()]).toEqual(['0']);
  });

  test('a column of a type that Tailrace never makes stops the sink and names both types', async () => {
    const target = makeTarget('types', ['id'], { id: { kind: 'int4' }, a: { kind: 'int4' } });
    await sink.prepare([target]);
    await server.run(`ALTER TABLE ${target.name} MODIFY COLUMN a Nullable(Int128)`);
    const verdict = await verdictOf(sink.prepare([target]));
    expect(verdict).toMatchObject({ outcome: 'stop', code: 'SINK_SCHEMA_CONFLICT' });
    expect(verdict).toHaveProperty(
      'sentence',
      expect.stringMatching(
        /column a is Nullable\(Int128\), and needs to be Nullable\(Int32\)[^]*RENAME TABLE/,
      ),
    );
  });

  test('another key stops the sink', async () => {
    const before = makeTarget('keys', ['id'], { id: { kind: 'int4' }, a: { kind: 'int4' } });
    const after = makeTarget('keys', ['a'], { id: { kind: 'int4' }, a: { kind: 'int4' } });
    await sink.prepare([before]);
    expect(await verdictOf(sink.prepare([after]))).toMatchObject({ code: 'SINK_SCHEMA_CONFLICT' });
  });

  test('a table that somebody else made is left alone', async () => {
    const theirs = makeTarget('theirs', ['id'], { id: { kind: 'int4' } });
    await server.run(`CREATE TABLE ${theirs.name} (id Int32) ENGINE = MergeTree ORDER BY id`);
    expect(await verdictOf(sink.prepare([theirs]))).toMatchObject({ code: 'SINK_SCHEMA_CONFLICT' });
    expect(await server.rows(`SELECT name FROM system.columns WHERE table = '${theirs.name}'`)).toHaveLength(
      1,
    );
  });

  test('a table with the name of another one’s view is refused', async () => {
    const other = { ...notes, name: viewOf(notes.name) };
    expect(await verdictOf(sink.prepare([notes, other]))).toMatchObject({ code: 'TABLE_NAMES_COLLIDE' });
    expect(await verdictOf(sink.prepare([other]))).toMatchObject({ outcome: 'stop' });
  });

  test('columns that several processes add at once all end in the table', async () => {
    const columns = (names: readonly string[]) =>
      makeTarget('races', ['id'], {
        id: { kind: 'int4' },
        ...Object.fromEntries(names.map((name) => [name, { kind: 'text' as const }])),
      });
    const second = newSink();
    await sink.prepare([columns([])]);
    await Promise.all([
      sink.prepare([columns(['a', 'b'])]),
      second.prepare([columns(['c'])]),
      newSink().prepare([columns(['d', 'a'])]),
    ]);
    await second.close();
    const [one] = await server.rows(
      `SELECT arraySort(groupArray(name)) AS names FROM system.columns WHERE table = '${columns([]).name}' AND name NOT LIKE '\\_%'`,
    );
    expect(one).toEqual({ names: ['a', 'b', 'c', 'd', 'id'] });
  });

  test('inserts that the server gathers are readable when write resolves', async () => {
    const gathering = newSink({ asyncInsert: true });
    expect(await gathering.write([upsert(notes, { id: 60n, body: 'gathered' }, 1)])).toEqual([
      { result: 'applied' },
    ]);
    expect((await readLive(notes)).get('60')).toMatchObject({ body: 'gathered' });
    await gathering.close();
  });
});
