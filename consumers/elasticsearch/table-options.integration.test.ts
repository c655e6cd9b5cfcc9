import { afterAll, describe, expect, test, vi } from 'vitest';
import { createLogger } from '../../core/logger.ts';
import { makeTarget, remove, upsert } from '../../test/sink-contract-model.ts';
import type { Sink, Target, Write } from '../sink.ts';
import { aliasNameOf } from './names.ts';
import { conflictOf, newSink, removeIndices, search, server } from './test-sink.ts';

describe('options of a table', () => {
  const used: Target[] = [];
  const sinks: Sink[] = [];

  afterAll(async () => {
    await removeIndices(used);
    for (const sink of sinks) await sink.close();
  });

  const contacts = (label: string): Target => {
    const target = makeTarget(label, ['id'], {
      id: { kind: 'int4' },
      title: { kind: 'text' },
      note: { kind: 'text' },
      born: { kind: 'date' },
      attrs: { kind: 'jsonb' },
    });
    used.push(target);
    return target;
  };
  const open = (options: Readonly<Record<string, unknown>>): Sink => {
    const sink = newSink({}, options);
    sinks.push(sink);
    return sink;
  };
  const foundBy = async (target: Target, query: object): Promise<string[]> =>
    [...(await search(aliasNameOf(target.name), query)).keys()].toSorted();

  test('settings and fields make the index, and searches follow them', async () => {
    const target = contacts('es_made');
    const sink = open({
      settings: {
        number_of_shards: 2,
        index: { refresh_interval: '7s' },
        analysis: { analyzer: { plain: { type: 'standard', stopwords: ['the'] } } },
      },
      fields: {
        title: { analyzer: 'plain', copy_to: 'all' },
        note: { type: 'keyword', normalizer: 'lowercase', copy_to: 'all' },
        attrs: { type: 'flattened' },
      },
    });
    await sink.prepare([target]);
    await sink.write([
      upsert(target, { id: 1, title: 'The cat', note: 'Loud', attrs: '{"colour": {"eyes": "green"}}' }, 1),
      upsert(target, { id: 2, title: 'A dog', note: 'quiet', attrs: '{"colour": {"eyes": "brown"}}' }, 1),
    ]);
    expect(await foundBy(target, { match: { title: 'the' } })).toEqual([]);
    expect(await foundBy(target, { match: { title: 'cat' } })).toEqual(['1']);
    expect(await foundBy(target, { term: { note: 'loud' } })).toEqual(['1']);
    expect(await foundBy(target, { match: { all: 'dog loud' } })).toEqual(['1', '2']);
    expect(await foundBy(target, { term: { 'attrs.colour.eyes': 'green' } })).toEqual(['1']);
    expect(
      await server.call('GET', `/${aliasNameOf(target.name)}/_settings?flat_settings=true`),
    ).toMatchObject({
      [`${aliasNameOf(target.name)}-1`]: {
        settings: {
          'index.number_of_shards': '2',
          'index.refresh_interval': '7s',
          'index.translog.durability': 'request',
        },
      },
    });
  });

  test('a field of another type takes values that do not fit it', async () => {
    const target = contacts('es_lenient');
    const sink = open({
      fields: {
        title: { type: 'ip' },
        note: { type: 'long' },
        born: { type: 'date_nanos' },
        attrs: { enabled: true, dynamic: true },
      },
    });
    await sink.prepare([target]);
    const rows = [
      upsert(target, { id: 1, title: '10.0.0.1', note: '7', born: '2024-02-29', attrs: '{"a": 5}' }, 1),
      upsert(target, { id: 2, title: '10.0.0.0/8', note: 'no number', born: '1066-10-14' }, 1),
      upsert(target, { id: 3, born: 'infinity', attrs: '{"a": "text"}' }, 1),
    ];
    const outcomes = await sink.write(rows);
    // Only a field whose type Elasticsearch has guessed refuses a value.
    expect(outcomes.map(({ result }) => result)).toEqual(['applied', 'applied', 'rejected']);
    expect(await foundBy(target, { term: { title: '10.0.0.1' } })).toEqual(['1']);
    expect(await foundBy(target, { range: { note: { gte: 7 } } })).toEqual(['1']);
    expect(await foundBy(target, { term: { 'attrs.a': 5 } })).toEqual(['1']);
    const documents = await search(aliasNameOf(target.name));
    expect(documents.get('2')?.source).toMatchObject({
      title: '10.0.0.0/8',
      note: 'no number',
      born: '1066-10-14',
    });
  });

  test('the same options again change nothing, and what may change is changed', async () => {
    const target = contacts('es_changed');
    const options = {
      settings: { refresh_interval: '7s' },
      fields: { note: { type: 'keyword', ignore_above: 20 } },
    };
    await open(options).prepare([target]);
    await open(options).prepare([target]);
    await open({
      settings: { refresh_interval: '3s' },
      fields: {
        note: { type: 'keyword', ignore_above: 30 },
        title: { fields: { raw: { type: 'keyword' } } },
      },
    }).prepare([target]);
    const index = `${aliasNameOf(target.name)}-1`;
    expect(await server.call('GET', `/${index}?flat_settings=true`)).toMatchObject({
      [index]: {
        settings: { 'index.refresh_interval': '3s' },
        mappings: { properties: { title: { fields: { raw: {}, keyword: {} } } } },
      },
    });
  });

  test('only what a start has really changed is logged', async () => {
    const target = contacts('es_logged');
    const log = createLogger({ test: 'elasticsearch' });
    const info = vi.spyOn(log, 'info');
    const start = async (fields: object, settings: object): Promise<unknown[]> => {
      const sink = newSink({}, { fields, settings }, log);
      await sink.prepare([target]);
      await sink.close();
      return info.mock.calls.splice(0).map(([about]) => (about as { changes: string }).changes);
    };
    // Each is what Elasticsearch does anyway, so it does not tell it of the index.
    const fields = { id: { index: true, coerce: true }, note: { index: true, store: false } };
    for (let time = 0; time < 2; time++) expect(await start(fields, { refresh_interval: '7s' })).toEqual([]);
    const changed = { ...fields, born: { ignore_malformed: false } };
    expect(await start(changed, { refresh_interval: '3s' })).toEqual([
      'field born: ignore_malformed is true, wanted false; settings.refresh_interval is 7s, wanted 3s',
    ]);
    expect(await start(changed, { refresh_interval: '3s' })).toEqual([]);
  });

  test('columns with the names of what every object has are added to an index that exists', async () => {
    const before = contacts('es_odd_names');
    await open({}).prepare([before]);
    const sink = open({ nest: { about: ['constructor'] } });
    const odd = makeTarget('es_odd_names', ['id'], {
      id: { kind: 'int4' },
      ['__proto__']: { kind: 'text' },
      constructor: { kind: 'int4' as const },
    });
    await sink.prepare([odd]);
    await sink.prepare([odd]);
    const row = Object.fromEntries([
      ['id', 1],
      ['__proto__', 'x'],
      ['constructor', 5],
    ]);
    expect(await sink.write([{ ...upsert(odd, { id: 1 }, 1), row } as Write])).toEqual([
      { result: 'applied' },
    ]);
    expect(await foundBy(odd, { match: { ['__proto__']: 'x' } })).toEqual(['1']);
    expect(await foundBy(odd, { term: { 'about.constructor': 5 } })).toEqual(['1']);
  });

  test('a lost translog durability is set again', async () => {
    const target = contacts('es_durable');
    const sink = open({});
    await sink.prepare([target]);
    const index = `${aliasNameOf(target.name)}-1`;
    await server.call('PUT', `/${index}/_settings`, { 'index.translog.durability': 'async' });
    await sink.prepare([target]);
    expect(await server.call('GET', `/${index}/_settings?flat_settings=true`)).toMatchObject({
      [index]: { settings: { 'index.translog.durability': 'request' } },
    });
  });

  test.each([
    [{ settings: { number_of_shards: 3 } }, 'settings.number_of_shards is 1, wanted 3'],
    [{ fields: { title: { analyzer: 'simple' } } }, 'field title: analyzer is not set, wanted simple'],
    [{ fields: { title: { type: 'keyword' } } }, 'field title: type is text, wanted keyword'],
    [{ routing: 'id' }, 'routing is _id, wanted id'],
    [{ nest: { about: ['note'] } }, 'place of column note is note, wanted about.note'],
  ])(
    'options %j that an index cannot take stop the sink with the difference',
    async (options, difference) => {
      const target = contacts(`es_differs_${used.length}`);
      await open({}).prepare([target]);
      const conflict = await conflictOf(open(options).prepare([target]));
      expect(conflict).toContain(`stop SINK_SCHEMA_CONFLICT: index ${aliasNameOf(target.name)}-1 differs`);
      expect(conflict).toContain(difference);
      expect(conflict).toContain(`DELETE /${aliasNameOf(target.name)}-1`);
    },
  );

  test('a place that the options no longer give stops the sink with the difference', async () => {
    const target = contacts('es_moved');
    await open({ nest: { about: ['note'] } }).prepare([target]);
    await open({ nest: { about: ['note'] } }).prepare([target]);
    expect(await conflictOf(open({}).prepare([target]))).toContain(
      'place of column note is about.note, wanted note',
    );
  });

  test('options that Elasticsearch refuses are told in its words', async () => {
    const target = contacts('es_refused');
    expect(
      await conflictOf(open({ fields: { note: { type: 'no_such_type' } } }).prepare([target])),
    ).toContain('no_such_type');
    expect(await conflictOf(open({ settings: { no_such: 1 } }).prepare([target]))).toContain('index.no_such');
  });

  test('an option for a column that the table lacks is refused, but not for an older schema of a replay', async () => {
    const [now, before] = [contacts('es_named'), makeTarget('es_named', ['id'], { id: { kind: 'int4' } })];
    const sink = open({ fields: { titel: { type: 'keyword' } } });
    await expect(sink.prepare([now])).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    const right = open({ fields: { title: { type: 'keyword' } } });
    await right.prepare([now]);
    expect(await right.write([upsert(before, { id: 1 }, 1)])).toEqual([{ result: 'applied' }]);
  });

  test('the index has the name that the config gives', async () => {
    const target = contacts('es_named_index');
    const index = `${aliasNameOf(target.name)}-1`.replace('contract', 'other');
    await open({ index }).prepare([target]);
    expect(Object.keys((await server.call('GET', `/_alias/${aliasNameOf(target.name)}`)) as object)).toEqual([
      index,
    ]);
    await server.call('DELETE', `/${index}`);
  });

  test('an alias that lost its filter hides tombstones again', async () => {
    const target = contacts('es_filter');
    const [sink, alias] = [open({}), aliasNameOf(target.name)];
    await sink.prepare([target]);
    await sink.write([remove(target, { id: 1 }, 1)]);
    await server.call('POST', '/_aliases', { actions: [{ add: { index: `${alias}-1`, alias } }] });
    expect(await foundBy(target, { match_all: {} })).toEqual(['1']);
    await open({}).prepare([target]);
    expect(await foundBy(target, { match_all: {} })).toEqual([]);
  });

  test('an alias of two indices stops the sink', async () => {
    const [one, two] = [contacts('es_two_a'), contacts('es_two_b')];
    const sink = open({});
    await sink.prepare([one, two]);
    const alias = aliasNameOf(one.name);
    await server.call('POST', '/_aliases', {
      actions: [{ add: { index: `${aliasNameOf(two.name)}-1`, alias } }],
    });
    expect(await conflictOf(sink.prepare([one]))).toContain('stands for several indices');
  });
});
