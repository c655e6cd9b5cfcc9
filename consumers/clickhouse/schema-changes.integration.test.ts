import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Column } from '../../schemas/table-schema.ts';
import type { Value, ValueKind } from '../../schemas/value.ts';
import { expectedRows, makeTarget, normalizedRows, upsert } from '../../test/sink-contract-model.ts';
import type { Sink, Target, Write } from '../sink.ts';
import { viewOf } from './table-layout.ts';
import { newSink, readLive, server, typesOf, verdictOf } from './test-sink.ts';

type Columns = Readonly<Record<string, Partial<Column> & { kind: ValueKind }>>;

const ID: Columns = { id: { kind: 'int4' } };
const decimal = (precision: number, scale: number) => ({ kind: 'numeric' as const, precision, scale });

describe('a table changes in Postgres', () => {
  let sink: Sink;

  beforeAll(async () => {
    await server.run(`CREATE DATABASE ${server.database} ENGINE = Atomic`);
    sink = newSink();
  });

  afterAll(async () => {
    await sink.close();
    await server.run(`DROP DATABASE ${server.database}`);
  });

  const write = async (...writes: readonly Write[]): Promise<void> => {
    expect(await sink.write(writes)).toEqual(writes.map(() => ({ result: 'applied' })));
  };

  const expectStored = async (target: Target, writes: readonly Write[]): Promise<void> =>
    expect(normalizedRows(target, await readLive(target))).toEqual(expectedRows(target, writes));

  test('a column is added: older rows have null, and the view shows it', async () => {
    const before = makeTarget('added', ['id'], ID);
    const after = makeTarget('added', ['id'], { ...ID, a: { kind: 'int8' } });
    await sink.prepare([before]);
    await write(upsert(before, { id: 1 }, 1));
    await sink.prepare([after]);
    const newer = upsert(after, { id: 2, a: 5n }, 2);
    await write(newer);
    await expectStored(after, [upsert(after, { id: 1 }, 1), newer]);
  });

  test('a column is dropped: the view lets go of it, the table keeps it with null in later rows', async () => {
    const before = makeTarget('dropped', ['id'], { ...ID, a: { kind: 'text' }, b: { kind: 'int4' } });
    const after = makeTarget('dropped', ['id'], { ...ID, b: { kind: 'int4' } });
    await sink.prepare([before]);
    const old = [1, 2].map((id) => upsert(before, { id, a: 'old', b: id }, 1));
    await write(...old);
    await sink.prepare([after]);
    await write(upsert(after, { id: 2, b: 20 }, 2), upsert(after, { id: 3, b: 30 }, 2));
    await expectStored(
      after,
      [1, 2, 3].map((id) => upsert(after, { id, b: id === 1 ? 1 : id * 10 }, 2)),
    );
    expect(await server.rows(`SELECT id, a FROM ${after.name} FINAL ORDER BY id`)).toEqual([
      { id: '1', a: 'old' },
      { id: '2', a: null },
      { id: '3', a: null },
    ]);
  });

  test('a column is renamed and the table read again: no value is left under the old name', async () => {
    const before = makeTarget('renamed', ['id'], { ...ID, old_name: { kind: 'text' } });
    const after = makeTarget('renamed', ['id'], { ...ID, new_name: { kind: 'text' } });
    await sink.prepare([before]);
    await write(upsert(before, { id: 1, old_name: 'x' }, 1), upsert(before, { id: 2, old_name: 'y' }, 1));
    await sink.prepare([after]);
    const again = [upsert(after, { id: 1, new_name: 'x' }, 3), upsert(after, { id: 2, new_name: 'y' }, 3)];
    await write(...again);
    await expectStored(after, again);
    expect(await server.rows(`SELECT old_name FROM ${after.name} FINAL`)).toEqual([
      { old_name: null },
      { old_name: null },
    ]);
  });

  // The last two: what ClickHouse shows of the rows before and after.
  test.each<[string, Columns[string], Value, Columns[string], Value, string, string, string]>([
    ['int4 to int8', { kind: 'int4' }, 5, { kind: 'int8' }, 2n ** 40n, 'Int64', '5', '1099511627776'],
    ['int8 to int4', { kind: 'int8' }, 2n ** 40n, { kind: 'int4' }, 6, 'Int64', '1099511627776', '6'],
    ['int4 to numeric', { kind: 'int4' }, -5, decimal(20, 2), '1.25', 'Decimal(20, 2)', '-5', '1.25'],
    [
      'int4 to a narrow numeric',
      { kind: 'int4' },
      2147483647,
      decimal(5, 2),
      '1.25',
      'String',
      '2147483647',
      '1.25',
    ],
    [
      'a wider numeric',
      decimal(10, 2),
      '99999999.99',
      decimal(12, 4),
      '1.0001',
      'Decimal(12, 4)',
      '99999999.99',
      '1.0001',
    ],
    [
      'a numeric of another scale',
      decimal(10, 2),
      '-0.01',
      decimal(10, 4),
      '1.0001',
      'String',
      '-0.01',
      '1.0001',
    ],
    ['a numeric without digits', decimal(10, 2), '1.25', { kind: 'numeric' }, 'NaN', 'String', '1.25', 'NaN'],
    ['float4 to float8', { kind: 'float4' }, 0.5, { kind: 'float8' }, 0.1, 'Float64', '0.5', '0.1'],
    // Postgres makes the same double of a real.
    [
      'float4 to float8 of what no float has exactly',
      { kind: 'float4' },
      0.1,
      { kind: 'float8' },
      0.1,
      'Float64',
      '0.10000000149011612',
      '0.1',
    ],
    [
      'varchar to text',
      { kind: 'text', type: 'character varying(9)' },
      'x',
      { kind: 'text' },
      'y',
      'String',
      'x',
      'y',
    ],
    ['int4 to text', { kind: 'int4' }, -7, { kind: 'text' }, 'seven', 'String', '-7', 'seven'],
    ['text to int4', { kind: 'text' }, '8', { kind: 'int4' }, 9, 'String', '8', '9'],
    ['boolean to text', { kind: 'boolean' }, true, { kind: 'text' }, 'yes', 'String', 'true', 'yes'],
    [
      'date to timestamp',
      { kind: 'date' },
      '2024-02-29',
      { kind: 'timestamp' },
      '2024-02-29T01:02:03.5',
      "DateTime64(6, 'UTC')",
      '2024-02-29 00:00:00.000000',
      '2024-02-29 01:02:03.500000',
    ],
    [
      'timestamp to timestamptz',
      { kind: 'timestamp' },
      '2024-02-29T12:00:00',
      { kind: 'timestamptz' },
      '2024-02-29T12:00:00.5Z',
      "DateTime64(6, 'UTC')",
      '2024-02-29 12:00:00.000000',
      '2024-02-29 12:00:00.500000',
    ],
    [
      'timestamp to date',
      { kind: 'timestamp' },
      '2024-02-29T12:00:00',
      { kind: 'date' },
      '2024-02-29',
      "DateTime64(6, 'UTC')",
      '2024-02-29 12:00:00.000000',
      '2024-02-29 00:00:00.000000',
    ],
    [
      'uuid to text',
      { kind: 'uuid' },
      '0190163d-8694-739b-aea5-966c26f8ad91',
      { kind: 'text' },
      'none',
      'String',
      '0190163d-8694-739b-aea5-966c26f8ad91',
      'none',
    ],
    [
      'int4 re-added as uuid',
      { kind: 'int4' },
      3,
      { kind: 'uuid' },
      '0190163d-8694-739b-aea5-966c26f8ad91',
      'String',
      '3',
      '0190163d-8694-739b-aea5-966c26f8ad91',
    ],
    [
      'json to jsonb',
      { kind: 'json' },
      '[1,  2]',
      { kind: 'jsonb' },
      '[1, 2]',
      'String',
      '[1,  2]',
      '[1, 2]',
    ],
  ])(
    '%s: no value is lost, before or after',
    async (what, from, value, to, newer, type, shown, newerShown) => {
      const before = makeTarget(`type ${what}`, ['id'], { ...ID, v: from });
      const after = makeTarget(`type ${what}`, ['id'], { ...ID, v: to });
      await sink.prepare([before]);
      await write(upsert(before, { id: 1, v: value }, 1), upsert(before, { id: 2, v: null }, 1));
      await sink.prepare([after]);
      // The older schema comes once more, as in a replay.
      await write(upsert(after, { id: 3, v: newer }, 2), upsert(before, { id: 4, v: value }, 1));
      const other = newSink();
      await other.prepare([after]);
      await other.prepare([before]);
      await other.close();
      const rows = await server.rows(`SELECT toString(v) AS v FROM \`${viewOf(after.name)}\` ORDER BY id`);
      expect(rows.map(({ v }) => v)).toEqual([shown, null, newerShown, shown]);
      for (const table of [after.name, viewOf(after.name)])
        expect(await typesOf(table)).toMatchObject({ v: `Nullable(${type})` });
    },
  );

  test('a column that may be null, or may not, changes nothing in the table', async () => {
    const strict = makeTarget('nulls', ['id'], { ...ID, v: { kind: 'int4', nullable: false } });
    const loose = makeTarget('nulls', ['id'], { ...ID, v: { kind: 'int4', nullable: true } });
    await sink.prepare([strict]);
    const first = upsert(strict, { id: 1, v: 1 }, 1);
    await write(first);
    await sink.prepare([loose]);
    const second = upsert(loose, { id: 2, v: null }, 2);
    await write(second);
    await sink.prepare([strict]);
    await expectStored(loose, [first, second]);
  });

  test('an enum gets a value, and then becomes a text', async () => {
    const mood = makeTarget('moods', ['id'], { ...ID, v: { kind: 'enum', type: 'mood' } });
    const text = makeTarget('moods', ['id'], { ...ID, v: { kind: 'text' } });
    await sink.prepare([mood]);
    const rows = [upsert(mood, { id: 1, v: 'sad' }, 1), upsert(mood, { id: 2, v: 'a new label' }, 2)];
    await write(...rows);
    await sink.prepare([text]);
    const after = upsert(text, { id: 3, v: 'anything' }, 3);
    await write(after);
    await expectStored(text, [...rows, after]);
  });

  test('an integer key becomes a bigint', async () => {
    const before = makeTarget('key_grows', ['id'], ID);
    const after = makeTarget('key_grows', ['id'], { id: { kind: 'int8' } });
    await sink.prepare([before]);
    const [old, big] = [upsert(before, { id: 1 }, 1), upsert(after, { id: 2n ** 60n }, 2)];
    await write(old);
    await sink.prepare([after]);
    await write(big);
    await expectStored(after, [old, big]);
  });

  test('a key column that changes its type stops the sink, and the way on that the error names goes on', async () => {
    const before = makeTarget('key_type', ['id'], ID);
    const after = makeTarget('key_type', ['id'], { id: { kind: 'uuid' } });
    await sink.prepare([before]);
    await write(upsert(before, { id: 1 }, 1));
    const verdict = await verdictOf(sink.prepare([after]));
    expect(verdict).toMatchObject({ outcome: 'stop', code: 'SINK_SCHEMA_CONFLICT' });
    const { sentence } = verdict as { sentence: string };
    const command = /RENAME TABLE \S+ TO \S+/.exec(sentence)?.[0] ?? 'no command';
    await server.run(command);
    const again = newSink();
    await again.prepare([after]);
    const row = upsert(after, { id: '0190163d-8694-739b-aea5-966c26f8ad91' }, 2);
    expect(await again.write([row])).toEqual([{ result: 'applied' }]);
    await again.close();
    await expectStored(after, [row]);
  });

  test('a replay into a new table takes events of all older schemas', async () => {
    const first = makeTarget('replayed', ['id'], { ...ID, a: { kind: 'text' }, v: { kind: 'int4' } });
    const second = makeTarget('replayed', ['id'], { ...ID, v: { kind: 'text' } });
    const now = makeTarget('replayed', ['id'], { ...ID, v: { kind: 'date' }, b: { kind: 'text' } });
    await sink.prepare([now]);
    const [one, two, three] = [
      upsert(first, { id: 1, a: 'gone', v: 1 }, 1),
      upsert(second, { id: 2, v: 'no date' }, 2),
      upsert(now, { id: 3, v: '2024-02-29', b: 'x' }, 3),
    ];
    await write(one, two, three);
    const again = upsert(now, { id: 1, v: '2024-03-01', b: 'read again' }, 4);
    await write(again);
    await expectStored(now, [again, upsert(now, { id: 2, v: 'no date' }, 2), three]);
  });
});
