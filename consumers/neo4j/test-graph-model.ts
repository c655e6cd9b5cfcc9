import type { Target, Write } from '../sink.ts';
import { labelOf } from './names.ts';
import { query } from './test-graph.ts';

/** Teams with a parent, people with a team, and members: who is in which team. */
export interface World {
  readonly teams: Target;
  readonly people: Target;
  readonly members: Target;
}

/** Everything that a world's tables have in the graph: one sorted line a node, relationship and tombstone. */
type Graph = readonly string[];

/** What Postgres would hold after all writes, drawn as a graph without any code of the sink. */
export function expectedGraph(world: World, writes: readonly Write[]): Graph {
  const last = new Map<string, Write>();
  for (const write of writes) {
    const id = idOf(write);
    const known = last.get(id);
    if (known === undefined || known.position < write.position) last.set(id, write);
  }
  const nodes = new Map<string, string>();
  const others: string[] = [];
  /** A node that is only pointed to; its own row, if there is one, writes over it. */
  const pointTo = (target: Target, id: unknown): string => {
    const name = `${target.name} ${String(id)}`;
    if (!nodes.has(name)) nodes.set(name, line('placeholder', name, { id }));
    return name;
  };
  for (const write of last.values()) {
    const { target, position } = write;
    if (write.op === 'delete') others.push(line('tombstone', idOf(write), { position }));
    else if (target === world.members) {
      const [start, end] = [
        pointTo(world.people, write.row['person']),
        pointTo(world.teams, write.row['team']),
      ];
      others.push(line(`${start} ${target.name.toUpperCase()}`, end, { ...write.row, __pos: position }));
    } else {
      const [column, type] = target === world.teams ? ['parent_id', 'PARENT'] : ['team_id', 'TEAM'];
      const name = `${target.name} ${String(write.row['id'])}`;
      nodes.set(name, line('node', name, { ...write.row, __pos: position }));
      const reference = write.row[column] ?? null;
      if (reference === null) continue;
      others.push(line(`${name} ${type}`, pointTo(world.teams, reference), { __pos: position }));
    }
  }
  return [...nodes.values(), ...others].toSorted();
}

/** The graph of the rows whose ids lie in `base` to `base + 9`. */
export async function readGraph(world: World, base: number): Promise<Graph> {
  const lines: string[] = [];
  const range = { from: BigInt(base), to: BigInt(base + 9) };
  const nodeName = (target: Target, id: unknown): string => `${target.name} ${String(id)}`;
  for (const target of [world.teams, world.people]) {
    const label = labelOf(target.name);
    const nodes = await query(
      `MATCH (n:${label}) WHERE $from <= n.id <= $to RETURN n:__Placeholder AS loose, n.id AS id, properties(n) AS row`,
      range,
    );
    for (const { loose, id, row } of nodes)
      lines.push(line(loose === true ? 'placeholder' : 'node', nodeName(target, id), row));
    const relationships = await query(
      `MATCH (n:${label})-[r]->(m) WHERE $from <= n.id <= $to
       RETURN n.id AS id, type(r) AS type, properties(r) AS row, labels(m) AS labels, m.id AS end`,
      range,
    );
    for (const { id, type, row, labels, end } of relationships) {
      const isTeam = (labels as string[]).includes(labelOf(world.teams.name));
      const name = nodeName(isTeam ? world.teams : world.people, end);
      lines.push(line(`${nodeName(target, id)} ${String(type)}`, name, row));
    }
  }
  for (const target of [world.teams, world.people, world.members]) {
    const tombstones = await query(
      'MATCH (t:__Tombstone) WHERE t.id STARTS WITH $prefix RETURN t.id AS id, t.pos AS position',
      { prefix: `${target.name}:` },
    );
    for (const { id, position } of tombstones) {
      const first = Number(
        String(id)
          .slice(target.name.length + 1)
          .split(':')[0],
      );
      if (first >= base && first <= base + 9) lines.push(line('tombstone', String(id), { position }));
    }
  }
  return lines.toSorted();
}

function idOf({ target, key }: Write): string {
  return `${target.name}:${target.table.key.map((column) => String(key[column])).join(':')}`;
}

/** Properties in one order, without nulls; integers of any kind in digits. */
function line(what: string, name: string, row: unknown): string {
  const entries = Object.entries(row as Record<string, unknown>)
    .filter(([, value]) => value !== null)
    .map(([column, value]) => `${column}=${String(value)}`);
  return `${what} ${name} {${entries.toSorted().join(', ')}}`;
}
