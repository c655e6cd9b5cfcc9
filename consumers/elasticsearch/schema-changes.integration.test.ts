import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Column } from '../../schemas/table-schema.ts';
import type { Value, ValueKind } from '../../schemas/value.ts';
import { expectedRows, makeTarget, normalizedRows, upsert } from '../../test/sink-contract-model.ts';
import type { Sink, Target, Write } from '../sink.ts';
import { classify } from './errors.ts';
import { aliasNameOf } from './names.ts';
import { storedRow } from './test-server.ts';
import { newSink, removeIndices, search, server } from './test-sink.ts';

type Columns = Readonly<Record<string, Partial<Column> & { kind: ValueKind }>>;

const ID: Columns = { id: { kind: 'int4' } };

describe('a table changes in Postgres', () => {
  const used: Target[] = [];
  let sink: Sink;

  beforeAll(() => {
    sink = newSink();
  });

  afterAll(async () => {
    await removeIndices(used);
    await sink.close();
  });

  /** The same table at two times. */
  const versions = (label: string, before: Columns, after: Columns): [Target, Target] => {
    const targets: [Target, Target] = [
      makeTarget(label, ['id'], { ...ID, ...before }),
      makeTarget(label, ['id'], { ...ID, ...after }),
    ];
    used.push(targets[0]);
    return targets;
  };

  const write = async (...writes: readonly Write[]): Promise<void> => {
    expect(await sink.write(writes)).toEqual(writes.map(() => ({ result: 'applied' })));
  };

  const expectStored = async (target: Target, writes: readonly Write[]): Promise<void> => {
    const documents = await search(aliasNameOf(target.name));
    const rows = new Map([...documents].map(([id, document]) => [id, storedRow(target, document)]));
    expect(normalizedRows(target, rows)).toEqual(expectedRows(target, writes));
  };

  const sourceOf = async (target: Target, id: string): Promise<unknown> =>
    (await search(aliasNameOf(target.name))).get(id)?.source;

  test('a column is added: older documents have no such field', async () => {
    const [before, after] = versions('es_added', {}, { a: { kind: 'int8' } });
    await sink.prepare([before]);
    await write(upsert(before, { id: 1 }, 1));
    await sink.prepare([after]);
    const newer = upsert(after, { id: 2, a: 5n }, 2);
    await write(newer);
    await expectStored(after, [upsert(after, { id: 1 }, 1), newer]);
    expect(await sourceOf(after, '1')).not.toHaveProperty('a');
    expect([...(await search(aliasNameOf(after.name), { term: { a: 5 } })).keys()]).toEqual(['2']);
  });

  test('a column is dropped: documents written later do not carry it', async () => {
    const [before, after] = versions(
      'es_dropped',
      { a: { kind: 'text' }, b: { kind: 'int4' } },
      { b: { kind: 'int4' } },
    );
    await sink.prepare([before]);
    await write(upsert(before, { id: 1, a: 'x' }, 1), upsert(before, { id: 2, a: 'y' }, 1));
    await sink.prepare([after]);
    await write(upsert(after, { id: 2, b: 20 }, 2), upsert(after, { id: 3, b: 30 }, 2));
    expect(await sourceOf(after, '1')).toMatchObject({ a: 'x' });
    for (const id of ['2', '3']) expect(await sourceOf(after, id)).not.toHaveProperty('a');
  });

  test('a column is renamed and the table read again: no value is left under the old name', async () => {
    const [before, after] = versions('es_renamed', { a: { kind: 'text' } }, { b: { kind: 'text' } });
    await sink.prepare([before]);
    await write(upsert(before, { id: 1, a: 'x' }, 1), upsert(before, { id: 2, a: 'y' }, 1));
    await sink.prepare([after]);
    const again = [upsert(after, { id: 1, b: 'x' }, 3), upsert(after, { id: 2, b: 'y' }, 3)];
    await write(...again);
    await expectStored(after, again);
    expect((await search(aliasNameOf(after.name), { exists: { field: 'a' } })).size).toBe(0);
  });

  test.each<[string, Columns[string], Value, Columns[string], Value]>([
    ['int4 to int8', { kind: 'int4' }, 5, { kind: 'int8' }, 9007199254740993n],
    ['int8 to int2', { kind: 'int8' }, 2n ** 40n, { kind: 'int2' }, 6],
    ['int4 to numeric', { kind: 'int4' }, -5, { kind: 'numeric' }, '12345678901234567890.25'],
    ['int4 to text', { kind: 'int4' }, -7, { kind: 'text' }, 'no number'],
    ['text to int4', { kind: 'text' }, 'no number', { kind: 'int4' }, 9],
    ['text to boolean', { kind: 'text' }, 'yes', { kind: 'boolean' }, true],
    ['boolean to text', { kind: 'boolean' }, true, { kind: 'text' }, 'maybe'],
    ['int4 re-added as uuid', { kind: 'int4' }, 3, { kind: 'uuid' }, '0190163d-8694-739b-aea5-966c26f8ad91'],
    [
      'date to timestamp',
      { kind: 'date' },
      '2024-02-29',
      { kind: 'timestamp' },
      '2024-02-29T01:02:03.000004',
    ],
    ['timestamptz to text', { kind: 'timestamptz' }, 'infinity', { kind: 'text' }, 'soon'],
    ['float8 to text', { kind: 'float8' }, 0.1, { kind: 'text' }, 'much'],
    ['enum to text', { kind: 'enum', type: 'mood' }, 'sad', { kind: 'text' }, 'anything else'],
    ['text to enum', { kind: 'text' }, 'sad', { kind: 'enum', type: 'mood' }, 'happy'],
    ['bytea to text', { kind: 'bytea' }, Uint8Array.from([0, 255]), { kind: 'text' }, 'not base64!'],
    ['jsonb to json', { kind: 'jsonb' }, '{"a": [1, {"b": 2}]}', { kind: 'json' }, '{"a": 1, "a": 2}'],
    ['jsonb to text', { kind: 'jsonb' }, '{"a": [1, {"b": 2}]}', { kind: 'text' }, '{"a"'],
  ])('%s: documents before and after hold their values', async (what, from, value, to, newer) => {
    const [before, after] = versions(`es_type_${what.replaceAll(' ', '_')}`, { v: from }, { v: to });
    await sink.prepare([before]);
    const old = upsert(before, { id: 1, v: value }, 1);
    await write(old);
    await sink.prepare([after]);
    const next = upsert(after, { id: 2, v: newer }, 2);
    // The older schema comes once more, as in a replay.
    const late = upsert(before, { id: 3, v: value }, 1);
    await write(next, late);
    const documents = await search(aliasNameOf(after.name));
    const shown = (target: Target, id: string) =>
      normalizedRows(
        target,
        new Map([...documents].flatMap(([key, one]) => (key === id ? [[key, storedRow(target, one)]] : []))),
      );
    expect(shown(before, '1')).toEqual(expectedRows(before, [old]));
    expect(shown(after, '2')).toEqual(expectedRows(after, [next]));
    expect(shown(before, '3')).toEqual(expectedRows(before, [late]));
  });

  test('an integer column that grows stays searchable', async () => {
    const [before, after] = versions('es_grows', { v: { kind: 'int2' } }, { v: { kind: 'int8' } });
    await sink.prepare([before]);
    await write(upsert(before, { id: 1, v: 1 }, 1));
    await sink.prepare([after]);
    await write(upsert(after, { id: 2, v: 2n ** 62n }, 2));
    const found = await search(aliasNameOf(after.name), { range: { v: { gte: 1 } } });
    expect([...found.keys()].toSorted()).toEqual(['1', '2']);
  });

  test('a column that becomes jsonb stops the sink, and the way on that the error names goes on', async () => {
    const [before, after] = versions('es_jsonb', { v: { kind: 'json' } }, { v: { kind: 'jsonb' } });
    await sink.prepare([before]);
    const old = upsert(before, { id: 1, v: '{"a": 1}' }, 1);
    await write(old);
    const verdict = classify(await sink.prepare([after]).catch((thrown: unknown) => thrown));
    expect(verdict).toMatchObject({ outcome: 'stop', code: 'SINK_SCHEMA_CONFLICT' });
    const path = /send DELETE (\S+) to Elasticsearch/.exec(verdict.sentence)?.[1] ?? 'no command';
    await server.call('DELETE', path);
    const again = newSink();
    await again.prepare([after]);
    const newer = upsert(after, { id: 1, v: '{"a": 2}' }, 2);
    for (const row of [old, newer]) expect(await again.write([row])).toEqual([{ result: 'applied' }]);
    await again.close();
    await expectStored(after, [newer]);
  });

  test('a column that may be null, and an enum that gets a value, change nothing in the index', async () => {
    const [before, after] = versions(
      'es_nulls',
      { v: { kind: 'enum', type: 'mood', nullable: false } },
      { v: { kind: 'enum', type: 'mood', nullable: true } },
    );
    await sink.prepare([before]);
    const rows = [upsert(before, { id: 1, v: 'sad' }, 1)];
    await write(...rows);
    await sink.prepare([after]);
    rows.push(upsert(after, { id: 2, v: null }, 2), upsert(after, { id: 3, v: 'a new label' }, 2));
    await write(...rows.slice(1));
    await expectStored(after, rows);
  });

  test('a replay into a new index takes events of all older schemas', async () => {
    const [first, now] = versions(
      'es_replayed',
      { a: { kind: 'text' }, v: { kind: 'jsonb' } },
      { v: { kind: 'int4' }, b: { kind: 'text' } },
    );
    await sink.prepare([now]);
    const old = [1, 2].map((id) => upsert(first, { id, a: 'gone', v: '{"n": 1}' }, 1));
    await write(...old);
    const again = [1, 2].map((id) => upsert(now, { id, v: id, b: 'read again' }, 2));
    await write(...again);
    await expectStored(now, again);
    expect(await sourceOf(now, '1')).not.toHaveProperty('a');
  });
});
