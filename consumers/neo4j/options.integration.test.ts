import { afterAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createLogger, type Logger } from '../../core/logger.ts';
import { makeTarget, remove, upsert } from '../../test/sink-contract-model.ts';
import type { Sink, Target } from '../sink.ts';
import { classify } from './errors.ts';
import { quoted } from './names.ts';
import { closeReader, createSink, query, withForeignKeys, type Mapping } from './test-graph.ts';

afterAll(closeReader);

const id = { kind: 'int4' as const };
const text = { kind: 'text' as const };

/** A sink whose mapping is for these targets, in their order; everything of these labels and types goes in the end. */
async function open(
  entries: readonly (readonly [Target, object])[],
  names: readonly string[],
  log?: Logger,
): Promise<Sink> {
  const mapping: Mapping = Object.fromEntries(
    entries.map(([{ table }, options]) => [`public.${table.name}`, options]),
  );
  const sink = createSink({}, mapping, log);
  onTestFinished(async () => {
    await sink.close();
    for (const name of names) await query(`MATCH (n:${quoted(name)}) DETACH DELETE n`);
    const constraints = await query('SHOW CONSTRAINTS YIELD name, labelsOrTypes');
    for (const { name, labelsOrTypes } of constraints as { name: string; labelsOrTypes: string[] }[])
      if (labelsOrTypes.some((one) => names.includes(one)))
        await query(`DROP CONSTRAINT ${quoted(name)} IF EXISTS`);
    for (const name of await indexesOf(names)) await query(`DROP INDEX ${quoted(name)} IF EXISTS`);
    for (const [{ name }] of entries) {
      await query('MATCH (t:__Tombstone) WHERE t.id STARTS WITH $prefix DELETE t', { prefix: `${name}:` });
      await query('MATCH (t:__Tailrace {id: $id}) DELETE t', { id: `target ${name}` });
    }
  });
  await sink.connect();
  return sink;
}

/** Names of indexes without those of constraints. */
async function indexesOf(names: readonly string[]): Promise<string[]> {
  const rows = await query(
    `SHOW INDEXES YIELD name, labelsOrTypes, owningConstraint
     WHERE owningConstraint IS NULL AND any(one IN labelsOrTypes WHERE one IN $names) RETURN name ORDER BY name`,
    { names },
  );
  return rows.map(({ name }) => String(name));
}

const problemOf = async (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'no error',
    (error: unknown) => classify(error),
  );

describe('nodes', () => {
  const places = makeTarget('o_places', ['id'], { id, name: text });
  const people = withForeignKeys(
    makeTarget('o_people', ['id'], { id, name: text, bio: text, place_id: id, home_id: id }),
    { place_id: places, home_id: places },
  );
  const [Place, Person] = [`OPlace${places.name}`, `OPerson${people.name}`];
  const names = [Place, Person];

  test('have the label, the further labels and the relationships of the options', async () => {
    const options = {
      label: Person,
      labels: ['Human', 'Odd "label"'],
      relationships: { place_id: { type: 'HOUSES', direction: 'in' }, home_id: 'none' },
    };
    const sink = await open(
      [
        [places, { label: Place }],
        [people, options],
      ],
      names,
    );
    await sink.prepare([people, places]);
    await sink.write([
      upsert(people, { id: 1, name: 'x', place_id: 7, home_id: 7 }, 1),
      upsert(people, { id: 2, name: 'y', place_id: 8, home_id: 7 }, 1),
      upsert(places, { id: 7, name: 'p' }, 1),
    ]);
    const graph = (): Promise<unknown[]> =>
      query(
        `MATCH (n:${Person}) OPTIONAL MATCH (n)-[r]-(b)
         RETURN n.id AS id, COLLECT { UNWIND labels(n) AS label RETURN label ORDER BY label } AS labels, type(r) AS type, startNode(r) = b AS incoming, b.id AS place ORDER BY id`,
      );
    // The server lists labels in the order in which it first saw them.
    const labels = [Person, 'Human', 'Odd "label"'].toSorted();
    expect(await graph()).toEqual([
      { id: 1n, labels, type: 'HOUSES', incoming: true, place: 7n },
      { id: 2n, labels, type: 'HOUSES', incoming: true, place: 8n },
    ]);
    await sink.write([upsert(people, { id: 1, place_id: 8 }, 2), remove(people, { id: 2 }, 2)]);
    expect(await graph()).toEqual([{ id: 1n, labels, type: 'HOUSES', incoming: true, place: 8n }]);
    await sink.write([remove(people, { id: 1 }, 3)]);
    expect(await query(`MATCH (n:Human|${Person}|${Place}) RETURN n.id AS id`)).toEqual([{ id: 7n }]);

    await sink.write([upsert(people, { id: 3, place_id: 7, home_id: 9 }, 4)]);
    const other = { label: Person, labels: ['Mensch'], relationships: { place_id: 'LIVES_IN' } };
    const later = await open(
      [
        [places, { label: Place }],
        [people, other],
      ],
      [],
    );
    await later.prepare([people, places]);
    expect(
      await query(
        `MATCH (n:${Person})-[r]-(b) RETURN COLLECT { UNWIND labels(n) AS label RETURN label ORDER BY label } AS labels, type(r) AS type, startNode(r) = n AS out, b.id AS place ORDER BY place`,
      ),
    ).toEqual([
      { labels: ['Mensch', Person], type: 'LIVES_IN', out: true, place: 7n },
      { labels: ['Mensch', Person], type: 'HOME', out: true, place: 9n },
    ]);
    const none = { label: Person, relationships: { place_id: 'none', home_id: 'none' } };
    const last = await open(
      [
        [places, { label: Place }],
        [people, none],
      ],
      [],
    );
    await last.prepare([people, places]);
    expect(
      await query(
        `MATCH (n:${Person}) RETURN COLLECT { UNWIND labels(n) AS label RETURN label ORDER BY label } AS labels, COUNT { (n)--() } AS degree`,
      ),
    ).toEqual([{ labels: [Person], degree: 0n }]);
    expect(await query(`MATCH (n:${Place}) RETURN n.id AS id`)).toEqual([{ id: 7n }]);
  });

  test('have the indexes of the options, and the sink drops only its own', async () => {
    const indexes = [
      'name',
      ['place_id', 'name'],
      { columns: ['bio'], type: 'fulltext' },
      { columns: 'bio', type: 'text' },
      'id',
    ];
    const sink = await open([[people, { label: Person, indexes }]], names);
    await sink.prepare([people]);
    await query(`CREATE INDEX mine_${people.name} FOR (n:${Person}) ON (n.home_id)`);
    const prefix = `tailrace_${people.name}`;
    expect(await indexesOf(names)).toEqual([
      `mine_${people.name}`,
      `${prefix}_fulltext_bio`,
      `${prefix}_range_name`,
      `${prefix}_range_place_id:name`,
      `${prefix}_text_bio`,
    ]);
    await sink.write([upsert(people, { id: 1, bio: 'a long walk' }, 1)]);
    await query('CALL db.index.fulltext.awaitEventuallyConsistentIndexRefresh()');
    expect(
      await query(
        `CALL db.index.fulltext.queryNodes('${prefix}_fulltext_bio', 'walk') YIELD node RETURN node.id AS id`,
      ),
    ).toEqual([{ id: 1n }]);
    const later = await open([[people, { label: Person, indexes: ['bio'] }]], []);
    await later.prepare([people]);
    expect(await indexesOf(names)).toEqual([`mine_${people.name}`, `${prefix}_range_bio`]);
  });

  test('have every index of the options, also where names of columns look alike', async () => {
    const odd = makeTarget('o_odd', ['id'], { id, b: text, c: text, b_c: text });
    const Odd = `OOdd${odd.name}`;
    const first = await open([[odd, { label: Odd, indexes: [['b', 'c'], 'b_c'] }]], [Odd]);
    await first.prepare([odd]);
    const stored = async (): Promise<unknown[]> =>
      (
        await query(
          `SHOW INDEXES YIELD labelsOrTypes, owningConstraint, properties
           WHERE owningConstraint IS NULL AND $label IN labelsOrTypes RETURN properties`,
          { label: Odd },
        )
      )
        .map(({ properties }) => String(properties))
        .toSorted();
    expect(await stored()).toEqual(['b,c', 'b_c']);
    const later = await open([[odd, { label: Odd, indexes: [['b', 'c']] }]], []);
    await later.prepare([odd]);
    expect(await stored()).toEqual(['b,c']);
    // As an earlier version named it, which is now the name of another.
    await query(`CREATE INDEX tailrace_${odd.name}_range_b_c FOR (n:${Odd}) ON (n.c, n.b)`);
    const last = await open([[odd, { label: Odd, indexes: ['b_c'] }]], []);
    await last.prepare([odd]);
    expect(await stored()).toEqual(['b_c']);
  });

  test('that ask for a relationship to a table that is not read are told in the log', async () => {
    const log = createLogger({ sink: 'test' });
    const warn = vi.spyOn(log, 'warn').mockImplementation(() => undefined);
    const options = { label: Person, relationships: { place_id: 'LIVES_IN' } };
    const sink = await open([[people, options]], names, log);
    await sink.prepare([people]);
    const why = `the sink does not read public.${places.name}`;
    expect(warn.mock.calls).toEqual([
      [
        { target: people.name, foreignKey: expect.any(String), why },
        expect.stringContaining('stays a property'),
      ],
    ]);
  });

  test('another label is a conflict that names both', async () => {
    const sink = await open([[places, { label: Place }]], names);
    await sink.prepare([places]);
    const later = await open([[places, {}]], []);
    expect(await problemOf(later.prepare([places]))).toMatchObject({
      code: 'SINK_SCHEMA_CONFLICT',
      sentence: expect.stringMatching(
        new RegExp(`stored as node ${Place} by id, .* ask for node Contract.* by id`),
      ),
    });
  });
});

describe('a table stored as relationship', () => {
  const people = makeTarget('o_friends', ['id'], { id, name: text });
  const bare = makeTarget('o_knows', ['id'], {
    id,
    one: { ...id, nullable: false },
    other: { ...id, nullable: false },
    since: text,
  });
  const knows = withForeignKeys(bare, { one: people, other: people });
  const [Friend, KNOWS] = [`OFriend${people.name}`, `KNOWS_${people.name}`];
  const options = { as: 'relationship', type: KNOWS, start: 'other', indexes: ['since'] };

  const all = (): Promise<unknown[]> =>
    query(
      `MATCH (a:${Friend})-[r:${KNOWS}]->(b) RETURN r.id AS id, a.id AS from, b.id AS to, r.since AS since ORDER BY id`,
    );

  test('with a key of its own is moved, and may join the same two nodes twice', async () => {
    const sink = await open(
      [
        [people, { label: Friend }],
        [knows, options],
      ],
      [Friend, KNOWS],
    );
    await sink.prepare([people, knows]);
    const rows = [
      upsert(knows, { id: 1, one: 1, other: 2, since: 'a' }, 1),
      upsert(knows, { id: 2, one: 1, other: 2, since: 'b' }, 1),
      upsert(people, { id: 1, name: 'x' }, 1),
    ];
    await sink.write(rows);
    expect(await all()).toEqual([
      { id: 1n, from: 2n, to: 1n, since: 'a' },
      { id: 2n, from: 2n, to: 1n, since: 'b' },
    ]);
    expect(await sink.write([upsert(knows, { id: 1, one: 1, other: 3 }, 3)])).toEqual([
      { result: 'applied' },
    ]);
    expect(await sink.write(rows.slice(0, 1))).toEqual([{ result: 'stale' }]);
    await sink.write([remove(knows, { id: 2 }, 3)]);
    expect(await all()).toEqual([{ id: 1n, from: 3n, to: 1n, since: null }]);
    // Nobody knows number 2 any more, and its row never came.
    expect(await query(`MATCH (n:${Friend}) RETURN n.id AS id ORDER BY id`)).toEqual([
      { id: 1n },
      { id: 3n },
    ]);
    expect(await indexesOf([KNOWS])).toEqual([`tailrace_${knows.name}_range_since`]);
  });

  test('may be stored as node, with relationships of its own', async () => {
    const join = withForeignKeys(makeTarget('o_join', ['one', 'other'], { one: id, other: id }), {
      one: people,
      other: people,
    });
    const Join = `OJoin${join.name}`;
    const sink = await open(
      [
        [people, { label: Friend }],
        [join, { as: 'node', label: Join }],
      ],
      [Friend, Join],
    );
    await sink.prepare([people, join]);
    await sink.write([upsert(join, { one: 1, other: 2 }, 1)]);
    expect(
      await query(`MATCH (:${Join})-[r]->(b:${Friend}) RETURN type(r) AS type, b.id AS id ORDER BY id`),
    ).toEqual([
      { type: 'ONE', id: 1n },
      { type: 'OTHER', id: 2n },
    ]);
  });
});

describe('a table that is kept by another key', () => {
  const keyed = makeTarget('o_users', ['email'], { id: { ...id, nullable: false }, email: text });
  const orders = {
    ...makeTarget('o_orders', ['id'], { id, user_id: id }),
  };
  const referring: Target = {
    ...orders,
    table: {
      ...orders.table,
      foreignKeys: [
        {
          name: 'orders_user',
          columns: ['user_id'],
          referencedSchema: 'public',
          referencedTable: keyed.table.name,
          referencedColumns: ['id'],
        },
      ],
    },
  };
  const [User, Order] = [`OUser${keyed.name}`, `OOrder${orders.name}`];

  test('is joined by the columns that foreign keys refer to, also when its key moves', async () => {
    const sink = await open(
      [
        [keyed, { label: User }],
        [referring, { label: Order }],
      ],
      [User, Order],
    );
    await sink.prepare([keyed, referring]);
    const links = (): Promise<unknown[]> =>
      query(`MATCH (o:${Order})-[r:USER]->(u) RETURN o.id AS order, u.email AS email ORDER BY order`);
    await sink.write([
      upsert(referring, { id: 1, user_id: 5 }, 1),
      upsert(referring, { id: 2, user_id: 6 }, 1),
    ]);
    expect(await links()).toEqual([]);
    await sink.write([upsert(keyed, { email: 'a', id: 5 }, 2)]);
    expect(await links()).toEqual([{ order: 1n, email: 'a' }]);
    // The runtime tells a new key as a delete and an upsert of one position.
    await sink.write([remove(keyed, { email: 'a' }, 3), upsert(keyed, { email: 'b', id: 5 }, 3)]);
    expect(await links()).toEqual([{ order: 1n, email: 'b' }]);
    await sink.write([upsert(referring, { id: 1, user_id: 6 }, 4), upsert(keyed, { email: 'c', id: 6 }, 4)]);
    expect(await links()).toEqual([
      { order: 1n, email: 'c' },
      { order: 2n, email: 'c' },
    ]);
    await sink.truncate(keyed, upsert(keyed, { email: 'x', id: 0 }, 5).position);
    expect(await query(`MATCH (n:${User}) RETURN n`)).toEqual([]);
    expect(await links()).toEqual([]);
  });
});

describe('what stands in the way at the start', () => {
  const target = makeTarget('o_blocked', ['id'], { id, name: text });
  const Label = `OBlocked${target.name}`;

  test('is told whole: an index, duplicates', async () => {
    const sink = await open([[target, { label: Label }]], [Label]);
    await query(`CREATE INDEX in_the_way_${target.name} FOR (n:${Label}) ON (n.id)`);
    await query(`UNWIND [1, 1, 2, 2, 3] AS id CREATE (:${Label} {id: id, __pos: '0'})`);
    const found = await problemOf(sink.prepare([target]));
    expect(found).toMatchObject({
      outcome: 'stop',
      code: 'SINK_SCHEMA_CONFLICT',
      sentence: expect.stringMatching(/index, in_the_way.*\n.*2 values.*more than once.*DROP INDEX/s),
    });
  });
});
