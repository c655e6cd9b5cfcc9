import { TailraceError } from '../../core/errors.ts';
import type { Layout } from './layout.ts';

/** Throws TABLE_NAMES_COLLIDE when two structures would share a name, so that their rows could not be told apart. */
export function refuseCollisions(layouts: readonly Layout[]): void {
  const owners = new Map<string, string>();
  for (const layout of layouts) {
    const { name } = layout.target;
    for (const claim of claimsOf(layout)) {
      const owner = owners.get(claim);
      if (owner !== undefined) throw collision(owner, name, claim);
      owners.set(claim, name);
    }
  }
  for (const layout of layouts)
    for (const label of layout.shape === 'node' ? layout.labels : []) {
      const owner = owners.get(`label ${label}`);
      if (owner !== undefined) throw collision(owner, layout.target.name, `label ${label}`);
    }
}

function claimsOf(layout: Layout): string[] {
  const between = (type: string, from: string, to: string): string => `type ${type} from ${from} to ${to}`;
  if (layout.shape === 'relationship') {
    const { type, start, end, target } = layout;
    return [`type ${type} by ${target.table.key.join(', ')}`, between(type, start.label, end.label)];
  }
  const { label, edges } = layout;
  return [
    `label ${label}`,
    ...edges.map(({ type, direction, end }) =>
      direction === 'out' ? between(type, label, end.label) : between(type, end.label, label),
    ),
  ];
}

function collision(owner: string, name: string, claim: string): TailraceError {
  return new TailraceError(
    'TABLE_NAMES_COLLIDE',
    `The targets ${owner} and ${name} would share the ${claim} in Neo4j.`,
    'Give one of them another name with `label`, `relationships` or `type` in the mapping of the sink, or give the sink only one of the two tables.',
  );
}
