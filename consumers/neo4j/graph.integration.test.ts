import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { makeTarget, remove, upsert } from '../../test/sink-contract-model.ts';
import type { Sink, Target, Write } from '../sink.ts';
import { classify } from './errors.ts';
import { expectedGraph, readGraph, type World } from './test-graph-model.ts';
import { closeReader, harness, query, withForeignKeys } from './test-graph.ts';
import { labelOf } from './names.ts';

afterAll(closeReader);

/** Thousands of small transactions take half a minute, and much longer on a busy machine. */
const PROPERTY_TIMEOUT_MS = 600_000;

/** Two node tables, one with a foreign key to itself, and a join table. */
function makeWorld(label: string): World {
  const bare = makeTarget(`${label}_teams`, ['id'], {
    id: { kind: 'int8' },
    name: { kind: 'text' },
    parent_id: { kind: 'int4' },
  });
  const teams = withForeignKeys(bare, { parent_id: bare });
  const people = withForeignKeys(
    makeTarget(`${label}_people`, ['id'], { id: { kind: 'int4' }, team_id: { kind: 'int8' } }),
    { team_id: teams },
  );
  const members = withForeignKeys(
    makeTarget(`${label}_members`, ['person', 'team'], {
      team: { kind: 'int8' },
      person: { kind: 'int4' },
      role: { kind: 'text' },
    }),
    { team: teams, person: people },
  );
  return { teams, people, members };
}

/** One change: `id` and `other` are small, so that keys meet; a reference may name a row that is not there. */
interface Change {
  readonly table: keyof World;
  readonly id: number;
  readonly other: number;
  readonly refers: boolean;
  readonly gone: boolean;
}

const change: fc.Arbitrary<Change> = fc.record({
  table: fc.constantFrom('teams', 'people', 'members'),
  id: fc.nat(2),
  other: fc.nat(2),
  refers: fc.boolean(),
  gone: fc.boolean(),
});

function writeOf(
  world: World,
  { table, id, other, refers, gone }: Change,
  base: number,
  step: number,
): Write {
  const [own, end] = [base + id, base + other];
  if (table === 'members') {
    const key = { person: own, team: BigInt(end) };
    return gone
      ? remove(world.members, key, step)
      : upsert(world.members, { ...key, role: `r${step}` }, step);
  }
  if (table === 'people') {
    const row = { id: own, team_id: refers ? BigInt(end) : null };
    return gone ? remove(world.people, row, step) : upsert(world.people, row, step);
  }
  const row = { id: BigInt(own), name: `n${step}`, parent_id: refers ? end : null };
  return gone ? remove(world.teams, row, step) : upsert(world.teams, row, step);
}

/** Every change at least once, in any order, cut into batches in which a key comes once. */
const deliveries = fc.array(change, { minLength: 1, maxLength: 14 }).chain((history) => {
  const all = history.map((_, index) => index);
  return fc.record({
    history: fc.constant(history),
    order: fc
      .array(fc.constantFrom(...all), { maxLength: 8 })
      .chain((repeated) =>
        fc.shuffledSubarray([...all, ...repeated], { minLength: all.length + repeated.length }),
      ),
    batchSize: fc.integer({ min: 1, max: 6 }),
  });
});

function batched(writes: readonly Write[], batchSize: number): Write[][] {
  const batches: Write[][] = [];
  const keyOf = ({ target, key }: Write): string => [target.name, ...Object.values(key)].join(':');
  for (const write of writes) {
    const open = batches.at(-1);
    if (open === undefined || open.length >= batchSize || open.some((one) => keyOf(one) === keyOf(write)))
      batches.push([write]);
    else open.push(write);
  }
  return batches;
}

/** Sends a batch as the runtime does: again, while the error table says so. */
async function send(sink: Sink, batch: readonly Write[]): Promise<void> {
  for (;;) {
    try {
      await sink.write(batch);
      return;
    } catch (error) {
      if (classify(error).outcome !== 'retry') throw error;
    }
  }
}

describe('the graph of several tables', () => {
  const world = makeWorld('random');
  const targets = Object.values(world) as Target[];
  const opened: { sink: Sink; close(): Promise<void> }[] = [];
  let runs = 0;

  beforeAll(async () => {
    for (const _ of [1, 2]) opened.push(await harness.open());
    for (const { sink } of opened) await sink.prepare(targets);
  });

  afterAll(async () => {
    await harness.remove(targets);
    for (const one of opened) await one.close();
  });

  for (const writers of [1, 2])
    test(
      `any order and repetition of a history ends in the same graph, with ${writers} writing at once`,
      async () => {
        await fc.assert(
          fc.asyncProperty(deliveries, async ({ history, order, batchSize }) => {
            const base = 10 * ++runs;
            const writes = history.map((one, step) => writeOf(world, one, base, step));
            const batches = batched(
              order.map((index) => writes[index]).filter((write) => write !== undefined),
              batchSize,
            );
            const parts = Array.from({ length: writers }, (_, writer) =>
              batches.filter((_batch, index) => index % writers === writer),
            );
            await Promise.all(
              parts.map(async (part, writer) => {
                const sink = opened[writer]?.sink;
                if (sink === undefined) throw new Error('a sink is missing');
                for (const batch of part) await send(sink, batch);
              }),
            );
            expect(await readGraph(world, base)).toEqual(expectedGraph(world, writes));
          }),
          { numRuns: writers === 1 ? 120 : 40, endOnFailure: writers > 1 },
        );
      },
      PROPERTY_TIMEOUT_MS,
    );
});

describe('foreign keys', () => {
  async function open(...targets: Target[]): Promise<Sink> {
    const one = await harness.open();
    onTestFinished(async () => {
      await harness.remove(targets);
      await one.close();
    });
    return one.sink;
  }

  const all = ({ teams, people, members }: World): Target[] => [members, people, teams];

  test('a row that points to itself is linked, moved and deleted', async () => {
    const world = makeWorld('self');
    const sink = await open(...all(world));
    await sink.prepare(all(world));
    const self = upsert(world.teams, { id: 1n, parent_id: 1 }, 1);
    await sink.write([self]);
    expect(await readGraph(world, 0)).toEqual(expectedGraph(world, [self]));
    const gone = remove(world.teams, { id: 1n }, 2);
    await sink.write([gone]);
    expect(await readGraph(world, 0)).toEqual(expectedGraph(world, [gone]));
  });

  test('the relationships of rows stored earlier are made when their table becomes a target', async () => {
    const world = makeWorld('later');
    const sink = await open(...all(world));
    const writes = [
      upsert(world.people, { id: 1, team_id: 1n }, 1),
      upsert(world.people, { id: 2, team_id: null }, 1),
      upsert(world.members, { person: 1, team: 1n, role: 'x' }, 1),
      upsert(world.teams, { id: 1n, name: 'one' }, 1),
    ];
    const [first, second, join, team] = writes;
    if (!first || !second || !join || !team) throw new Error('four writes are needed');
    await sink.prepare([world.people]);
    await sink.write([first, second]);
    await sink.prepare([world.members]);
    await sink.write([join]);
    await sink.prepare([world.teams]);
    await sink.write([team]);
    expect(await readGraph(world, 0)).toEqual(expectedGraph(world, writes));
  });

  test('a foreign key to a table that is no target leaves only the property', async () => {
    const world = makeWorld('absent');
    const sink = await open(...all(world));
    await sink.prepare([world.people]);
    await sink.write([upsert(world.people, { id: 1, team_id: 5n }, 1)]);
    expect(
      await query(
        `MATCH (n:${labelOf(world.people.name)}) RETURN n.team_id AS team, COUNT { (n)--() } AS degree`,
      ),
    ).toEqual([{ team: 5n, degree: 0n }]);
  });

  test('a composite foreign key is one relationship, named after its table', async () => {
    const rooms = makeTarget('rooms', ['house', 'no'], {
      no: { kind: 'int4' },
      house: { kind: 'text' },
    });
    const bare = makeTarget('beds', ['id'], {
      id: { kind: 'int4' },
      room_no: { kind: 'int4' },
      room_house: { kind: 'text' },
    });
    const beds: Target = {
      ...bare,
      table: {
        ...bare.table,
        foreignKeys: [
          {
            name: 'beds_room',
            columns: ['room_no', 'room_house'],
            referencedSchema: 'public',
            referencedTable: rooms.table.name,
            referencedColumns: ['no', 'house'],
          },
        ],
      },
    };
    const sink = await open(rooms, beds);
    await sink.prepare([rooms, beds]);
    await sink.write([
      upsert(beds, { id: 1, room_no: 7, room_house: 'a' }, 1),
      upsert(beds, { id: 2, room_no: 7 }, 1),
      upsert(rooms, { no: 7, house: 'a' }, 1),
      upsert(rooms, { no: 7, house: 'b' }, 1),
    ]);
    expect(
      await query(
        `MATCH (b:${labelOf(beds.name)})-[r]->(n) RETURN b.id AS bed, type(r) AS type, n.house AS house, n:__Placeholder AS loose`,
      ),
    ).toEqual([{ bed: 1n, type: rooms.name.toUpperCase(), house: 'a', loose: false }]);
    await sink.write([upsert(beds, { id: 1, room_no: 7, room_house: 'b' }, 2)]);
    expect(
      await query(`MATCH (b:${labelOf(beds.name)})-[r]->(n) RETURN b.id AS bed, n.house AS house`),
    ).toEqual([{ bed: 1n, house: 'b' }]);
  });

  test('relationships of another program stay, and one that equals a foreign key is taken over', async () => {
    const world = makeWorld('beside');
    const { teams, people } = world;
    const sink = await open(...all(world));
    await sink.prepare([teams]);
    await sink.write([1n, 2n, 3n].map((id) => upsert(teams, { id }, 1)));
    const [Team, Person] = [labelOf(teams.name), labelOf(people.name)];
    const links = async (): Promise<string[]> => {
      const found = await query(
        `MATCH (n:${Person})-[r:TEAM]->(b) RETURN n.id + ' ' + b.id + CASE WHEN r.__pos IS NULL THEN ' other' ELSE '' END AS link ORDER BY link`,
      );
      return found.map(({ link }) => String(link));
    };
    const others = (end: number): Promise<unknown> =>
      query(`MATCH (n:${Person} {id: 1}), (b:${Team} {id: ${end}}) CREATE (n)-[:TEAM]->(b)`);

    const alone = await harness.open();
    onTestFinished(() => alone.close());
    await alone.sink.prepare([people]);
    await alone.sink.write([upsert(people, { id: 1, team_id: 1n }, 1)]);
    await others(3);
    await sink.prepare([people]);
    expect(await links()).toEqual(['1 1', '1 3 other']);
    await sink.write([upsert(people, { id: 1, team_id: 2n }, 2)]);
    expect(await links()).toEqual(['1 2', '1 3 other']);
    await others(1);
    await sink.write([upsert(people, { id: 1, team_id: 1n }, 3)]);
    expect(await links()).toEqual(['1 1', '1 3 other']);
    await sink.write([remove(people, { id: 1 }, 4)]);
    expect(await links()).toEqual(['1 3 other']);
  });

  test('a relationship that another program made keeps the node of a deleted row as a placeholder', async () => {
    const world = makeWorld('foreign');
    const sink = await open(...all(world));
    await sink.prepare(all(world));
    await sink.write([upsert(world.teams, { id: 1n, name: 'one' }, 1)]);
    const label = labelOf(world.teams.name);
    await query(`MATCH (n:${label}) CREATE (:__Other {of: $label})-[:LIKES]->(n)`, { label });
    onTestFinished(async () => {
      await query('MATCH (n:__Other {of: $label}) DETACH DELETE n', { label });
    });
    expect(await sink.write([remove(world.teams, { id: 1n }, 2)])).toEqual([{ result: 'applied' }]);
    expect(
      await query(
        `MATCH (:__Other)-[:LIKES]->(n:${label}) RETURN properties(n) AS row, n:__Placeholder AS loose`,
      ),
    ).toEqual([{ row: { id: 1n }, loose: true }]);
  });
});
