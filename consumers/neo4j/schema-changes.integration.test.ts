import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import type { ForeignKey } from '../../schemas/table-schema.ts';
import { expectedRows, makeTarget, normalizedRows, upsert } from '../../test/sink-contract-model.ts';
import type { Sink, Target, Write } from '../sink.ts';
import { classify } from './errors.ts';
import { labelOf } from './names.ts';
import { closeReader, harness, query, withForeignKeys } from './test-graph.ts';

afterAll(closeReader);

async function open(...targets: Target[]): Promise<Sink> {
  const opened = await harness.open();
  onTestFinished(async () => {
    await harness.remove(targets);
    await opened.close();
  });
  return opened.sink;
}

async function write(sink: Sink, ...writes: readonly Write[]): Promise<void> {
  expect(await sink.write(writes)).toEqual(writes.map(() => ({ result: 'applied' })));
}

async function expectStored(target: Target, writes: readonly Write[]): Promise<void> {
  expect(normalizedRows(target, await harness.read(target))).toEqual(expectedRows(target, writes));
}

/** `type id` of each relationship of a target's nodes, with the id of the other end. */
async function linksOf(target: Target): Promise<string[]> {
  const rows = await query(
    `MATCH (n:${labelOf(target.name)})-[r]->(m) RETURN type(r) + ' ' + n.id + ' ' + m.id AS link ORDER BY link`,
  );
  return rows.map(({ link }) => String(link));
}

async function placeholders(...targets: Target[]): Promise<unknown> {
  const [row] = await query(
    'MATCH (n:__Placeholder) WHERE any(label IN labels(n) WHERE label IN $labels) RETURN count(*) AS count',
    { labels: targets.map(({ name }) => labelOf(name)) },
  );
  return row?.['count'];
}

describe('a table changes in Postgres', () => {
  const id = { kind: 'int4' as const };

  test('columns are added, dropped, renamed and change their type: a row always has the columns of its own schema', async () => {
    const before = makeTarget('n_columns', ['id'], { id, a: { kind: 'text' }, v: { kind: 'int4' } });
    const after = makeTarget('n_columns', ['id'], { id, b: { kind: 'text' }, v: { kind: 'text' } });
    const sink = await open(after);
    await sink.prepare([before]);
    await write(sink, upsert(before, { id: 1, a: 'x', v: 1 }, 1), upsert(before, { id: 2, a: 'y', v: 2 }, 1));
    await sink.prepare([after]);
    const newer = [upsert(after, { id: 2, b: 'y', v: 'two' }, 3), upsert(after, { id: 3, v: 'three' }, 3)];
    await write(sink, ...newer);
    // The older schema comes once more, as in a replay.
    const late = upsert(before, { id: 4, a: 'late', v: 4 }, 2);
    await write(sink, late);
    await expectStored(after, [
      upsert(after, { id: 1, v: '1' }, 1),
      ...newer,
      upsert(after, { id: 4, v: '4' }, 2),
    ]);
    expect(
      await query(`MATCH (n:${labelOf(after.name)}) WHERE n.a IS NOT NULL RETURN n.id AS id ORDER BY id`),
    ).toEqual([{ id: 1n }, { id: 4n }]);
    const again = [1, 4].map((key) => upsert(after, { id: key, b: 'read again', v: '1' }, 5));
    await write(sink, ...again);
    await expectStored(after, [...newer, ...again]);
    expect(await query(`MATCH (n:${labelOf(after.name)}) WHERE n.a IS NOT NULL RETURN n.id AS id`)).toEqual(
      [],
    );
  });

  test('an integer key becomes a bigint', async () => {
    const before = makeTarget('n_key', ['id'], { id });
    const after = makeTarget('n_key', ['id'], { id: { kind: 'int8' } });
    const sink = await open(after);
    await sink.prepare([before]);
    const rows = [
      upsert(before, { id: 1 }, 1),
      upsert(after, { id: 2n ** 60n }, 2),
      upsert(after, { id: 1n }, 3),
    ];
    await write(sink, ...rows.slice(0, 1));
    await sink.prepare([after]);
    await write(sink, ...rows.slice(1));
    await expectStored(after, rows.slice(1));
  });

  test('a foreign key is added later: the rows stored before are linked too', async () => {
    const places = makeTarget('n_places', ['id'], { id });
    const before = makeTarget('n_people', ['id'], { id, place_id: { kind: 'int4' } });
    const after = withForeignKeys(before, { place_id: places });
    const sink = await open(places, after);
    await sink.prepare([places, before]);
    await write(sink, upsert(places, { id: 1 }, 1), upsert(before, { id: 7, place_id: 1 }, 1));
    expect(await linksOf(before)).toEqual([]);
    await sink.prepare([after]);
    expect(await linksOf(after)).toEqual(['PLACE 7 1']);
  });

  test('a foreign key is dropped, or its column renamed: its relationships go when their rows or the sink come anew', async () => {
    const places = makeTarget('n_towns', ['id'], { id });
    const bare = makeTarget('n_guests', ['id'], { id, town_id: { kind: 'int4' }, home_id: { kind: 'int4' } });
    const before = withForeignKeys(bare, { town_id: places, home_id: places });
    const renamed = makeTarget('n_guests', ['id'], {
      id,
      city_id: { kind: 'int4' },
      home_id: { kind: 'int4' },
    });
    const after = withForeignKeys(renamed, { city_id: places, home_id: places });
    const sink = await open(places, after);
    await sink.prepare([places, before]);
    await write(
      sink,
      upsert(places, { id: 1 }, 1),
      upsert(before, { id: 7, town_id: 1, home_id: 1 }, 1),
      upsert(before, { id: 8, town_id: 99, home_id: null }, 1),
    );
    expect(await placeholders(places)).toBe(1n);
    // While the sink runs an older schema may come again, so that only a row of the new one loses its relationship.
    await sink.prepare([after]);
    await write(sink, upsert(after, { id: 7, city_id: 1, home_id: 1 }, 2));
    await sink.prepare([before]);
    expect(await linksOf(after)).toEqual(['CITY 7 1', 'HOME 7 1', 'TOWN 8 99']);
    await query(
      `MATCH (a:${labelOf(before.name)} {id: 7}), (b:${labelOf(places.name)} {id: 1}) CREATE (a)-[:TOWN {since: 1}]->(b)`,
    );
    const restarted = await open();
    await restarted.prepare([places, after]);
    // The relationship that another program made has the same type, and stays; the placeholder went with its last one.
    expect(await linksOf(after)).toEqual(['CITY 7 1', 'HOME 7 1', 'TOWN 7 1']);
    expect(await placeholders(places)).toBe(0n);
    const without = await open();
    await without.prepare([places, renamed]);
    expect(await linksOf(after)).toEqual(['TOWN 7 1']);
    await without.prepare([after]);
    expect(await linksOf(after)).toEqual(['CITY 7 1', 'HOME 7 1', 'TOWN 7 1']);
  });

  test('a foreign key that points to another table is moved there when the sink starts', async () => {
    const [one, two] = [makeTarget('n_one', ['id'], { id }), makeTarget('n_two', ['id'], { id })];
    const bare = makeTarget('n_owner', ['id'], { id, thing_id: { kind: 'int4' } });
    const [before, after] = [
      withForeignKeys(bare, { thing_id: one }),
      withForeignKeys(bare, { thing_id: two }),
    ];
    const sink = await open(one, two, after);
    await sink.prepare([one, two, before]);
    await write(
      sink,
      upsert(one, { id: 1 }, 1),
      upsert(two, { id: 1 }, 1),
      upsert(before, { id: 7, thing_id: 1 }, 1),
    );
    await sink.prepare([after]);
    const restarted = await open();
    await restarted.prepare([one, two, after]);
    const ends = await query(`MATCH (:${labelOf(bare.name)})-[r:THING]->(m) RETURN labels(m) AS labels`);
    expect(ends).toEqual([{ labels: [labelOf(two.name)] }]);
  });

  test('a sink that does not hold the other table for a while keeps the relationships to it', async () => {
    const places = makeTarget('n_kept', ['id'], { id });
    const people = withForeignKeys(makeTarget('n_keeper', ['id'], { id, place_id: { kind: 'int4' } }), {
      place_id: places,
    });
    const sink = await open(places, people);
    await sink.prepare([places, people]);
    await write(sink, upsert(people, { id: 7, place_id: 1 }, 1));
    const later = await open();
    await later.prepare([people]);
    expect(await linksOf(people)).toEqual(['PLACE 7 1']);
  });

  test('a key that changed stops the sink, and the way on that the error names goes on', async () => {
    const before = makeTarget('n_rekeyed', ['id'], { id, code: { kind: 'text' } });
    const after = makeTarget('n_rekeyed', ['code'], { id, code: { kind: 'text' } });
    const sink = await open(after);
    await sink.prepare([before]);
    await write(sink, upsert(before, { id: 1, code: 'a' }, 1));
    const verdict = classify(await sink.prepare([after]).catch((thrown: unknown) => thrown));
    expect(verdict).toMatchObject({ outcome: 'stop', code: 'SINK_SCHEMA_CONFLICT' });
    const command = /MATCH \(t:__Tailrace \{id: '[^']+'\}\) DELETE t/.exec(verdict.sentence)?.[0];
    await query(`MATCH (n:${labelOf(after.name)}) DETACH DELETE n`);
    await query(command ?? 'no command');
    const again = await open();
    await again.prepare([after]);
    const row = upsert(after, { id: 1, code: 'a' }, 2);
    await write(again, row);
    // A record that is gone again comes back with a truncate, and is no conflict.
    await query(command ?? 'no command');
    await again.truncate(after, upsert(after, { id: 1 }, 1).position);
    await again.prepare([after]);
    await expectStored(after, [row]);
  });
});

describe('a foreign key of several columns', () => {
  const rooms = makeTarget('n_rooms', ['house', 'no'], { house: { kind: 'text' }, no: { kind: 'int4' } });
  const bare = makeTarget('n_beds', ['id'], {
    id: { kind: 'int4' },
    room_no: { kind: 'int4' },
    room_house: { kind: 'text' },
  });
  const foreignKey: ForeignKey = {
    name: 'beds_room_fkey',
    columns: ['room_no', 'room_house'],
    referencedSchema: 'public',
    referencedTable: rooms.table.name,
    referencedColumns: ['no', 'house'],
  };
  const beds = { ...bare, table: { ...bare.table, foreignKeys: [foreignKey] } };

  const rooms7 = (): Promise<unknown[]> =>
    query(
      `MATCH (b:${labelOf(beds.name)})-[r]->(m) RETURN b.id AS bed, m.house AS house, m.no AS no ORDER BY bed`,
    );

  test('is linked before and after its end comes, moved, and points nowhere with a null part', async () => {
    const sink = await open(rooms, beds);
    await sink.prepare([beds, rooms]);
    await write(sink, upsert(beds, { id: 1, room_no: 2, room_house: 'x' }, 1));
    await write(sink, upsert(rooms, { house: 'x', no: 2 }, 1), upsert(rooms, { house: 'y', no: 2 }, 1));
    await write(sink, upsert(beds, { id: 2, room_no: 2, room_house: 'y' }, 2));
    expect(await rooms7()).toEqual([
      { bed: 1n, house: 'x', no: 2n },
      { bed: 2n, house: 'y', no: 2n },
    ]);
    await write(
      sink,
      upsert(beds, { id: 1, room_no: 2, room_house: 'y' }, 3),
      upsert(beds, { id: 2, room_no: null, room_house: 'y' }, 3),
    );
    expect(await rooms7()).toEqual([{ bed: 1n, house: 'y', no: 2n }]);
    expect(await placeholders(rooms)).toBe(0n);
  });
});

describe('a truncate of the graph', () => {
  const id = { kind: 'int4' as const };
  const places = makeTarget('t_places', ['id'], { id, name: { kind: 'text' } });
  const people = withForeignKeys(makeTarget('t_people', ['id'], { id, place_id: { kind: 'int4' } }), {
    place_id: places,
  });
  const visits = withForeignKeys(
    makeTarget('t_visits', ['person_id', 'place_id'], {
      person_id: { kind: 'int4' },
      place_id: { kind: 'int4' },
    }),
    { person_id: people, place_id: places },
  );

  async function filled(): Promise<Sink> {
    const sink = await open(visits, people, places);
    await sink.prepare([visits, people, places]);
    await write(
      sink,
      upsert(places, { id: 1, name: 'one' }, 1),
      upsert(places, { id: 2, name: 'newer' }, 20),
      upsert(people, { id: 7, place_id: 1 }, 1),
      upsert(visits, { person_id: 7, place_id: 1 }, 1),
      upsert(visits, { person_id: 7, place_id: 2 }, 20),
    );
    return sink;
  }

  test('a node that others point to stays as a placeholder, and goes with the last of them', async () => {
    const sink = await filled();
    const { position } = upsert(places, { id: 1 }, 10);
    await sink.truncate(places, position);
    await expectStored(places, [upsert(places, { id: 2, name: 'newer' }, 20)]);
    expect(
      await query(
        `MATCH (n:${labelOf(places.name)} {id: 1}) RETURN properties(n) AS row, labels(n) AS labels`,
      ),
    ).toEqual([{ row: { id: 1n }, labels: expect.arrayContaining(['__Placeholder']) }]);
    await sink.truncate(people, position);
    expect(await query(`MATCH ()-[r:PLACE]->(:${labelOf(places.name)}) RETURN r`)).toEqual([]);
    await sink.truncate(visits, position);
    await expectStored(visits, [upsert(visits, { person_id: 7, place_id: 2 }, 20)]);
    // The visit that stayed still holds its person, whose row is gone.
    expect(await query(`MATCH (n:${labelOf(places.name)}) RETURN n.id AS id`)).toEqual([{ id: 2n }]);
    expect(await placeholders(people, places)).toBe(1n);
  });

  test('nodes and relationships of other programs and other tables are left alone', async () => {
    const sink = await filled();
    await query(
      `MATCH (p:${labelOf(people.name)} {id: 7}) CREATE (o:Outsider_${people.name} {__note: 'mine'})-[:KNOWS]->(p)`,
    );
    onTestFinished(async () => {
      await query(`MATCH (o:Outsider_${people.name}) DETACH DELETE o`);
    });
    await sink.truncate(visits, upsert(places, { id: 1 }, 10).position);
    expect((await harness.read(people)).size).toBe(1);
    expect((await harness.read(places)).size).toBe(2);
    await sink.truncate(people, upsert(places, { id: 1 }, 10).position);
    expect(
      await query(`MATCH (o:Outsider_${people.name})-[:KNOWS]->(p) RETURN p.id AS id, o.__note AS note`),
    ).toEqual([{ id: 7n, note: 'mine' }]);
  });
});
